/**
 * Schemas as kubeconform wants them, from what others publish.
 *
 * Invariant: unknown fields are refused, in Kubernetes' objects (their strict
 * schemas) as in the operator's (made strict here).
 */
import { parse } from "yaml";
import { z } from "zod";

type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

const DEFINITIONS = "/api/_definitions.json#";

/**
 * One file of the package kubernetes-validate: its references are absolute, and
 * its `$id` would make relative ones absolute again.
 */
export function relativeReferences(text: string): string {
  const { $id: _, ...schema } = z.record(z.string(), z.json()).parse(
    JSON.parse(text),
  );
  return JSON.stringify(schema).replaceAll(
    `"$ref":"${DEFINITIONS}`,
    '"$ref":"_definitions.json#',
  );
}

const Crd = z.object({
  spec: z.object({
    names: z.object({ singular: z.string() }),
    versions: z.array(z.object({
      name: z.string(),
      schema: z.object({ openAPIV3Schema: z.json() }),
    })),
  }),
});

/** A file of JSON schema. */
export interface SchemaFile {
  readonly name: string;
  readonly text: string;
}

/** One schema a version of a CustomResourceDefinition. */
export function schemasOfCrd(yaml: string): SchemaFile[] {
  const { spec } = Crd.parse(parse(yaml));
  return spec.versions.map(({ name, schema }) => ({
    name: `${spec.names.singular}_${name}.json`,
    text: JSON.stringify(strict(schema.openAPIV3Schema, "root")),
  }));
}

/**
 * Objects with listed properties take no others, but for `metadata`, which a
 * CRD leaves open; int-or-string fields take both.
 */
function strict(schema: Json, place: string): Json {
  if (Array.isArray(schema)) return schema.map((each) => strict(each, place));
  if (!isObject(schema)) return schema;
  const entries = Object.entries(schema).map(([key, value]) =>
    [key, strict(value, key)] as const
  );
  const copy: Record<string, Json> = Object.fromEntries(entries);
  if (schema["x-kubernetes-int-or-string"] === true) {
    copy.type = ["integer", "string"];
  }
  const isSchema = place !== "properties";
  if (
    isSchema && isObject(schema.properties) &&
    schema.additionalProperties === undefined &&
    schema["x-kubernetes-preserve-unknown-fields"] !== true
  ) {
    copy.additionalProperties = false;
  }
  return copy;
}

function isObject(
  value: Json | undefined,
): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
