/** Variables of the payment and the inventory provider. */
import * as p from "./parsers.ts";
import { headerFields, token } from "./credentials.ts";
import { certificates, privateKey } from "./pem.ts";
import { optional, withDefault } from "./variable.ts";

const NOT_PEM = "-----BEGIN nothing";

/** See variables.ts. */
export const PROVIDER_VARIABLES = {
  allowMockIntegrations: optional(
    "OMS_ALLOW_MOCK_INTEGRATIONS",
    p.flag,
    "some",
    "simulate providers that have no URL; default true, with postgres false",
  ),
  paymentUrl: optional(
    "OMS_PAYMENT_URL",
    p.httpUrl,
    "ftp://pay",
    "base URL of the payment provider",
  ),
  paymentToken: optional(
    "OMS_PAYMENT_TOKEN",
    token,
    "two words",
    "token for it, sent as `Authorization: Bearer …`",
    "secret",
  ),
  paymentHeaders: optional(
    "OMS_PAYMENT_HEADERS",
    headerFields,
    "X-Tenant",
    "more headers for it, one `Name: value` a line",
    "secret",
  ),
  paymentTlsCa: optional(
    "OMS_PAYMENT_TLS_CA",
    certificates,
    NOT_PEM,
    "more authorities to trust: path of a PEM file, or the PEM",
    "certificate",
  ),
  paymentTlsCert: optional(
    "OMS_PAYMENT_TLS_CERT",
    certificates,
    NOT_PEM,
    "our certificate there: path of a PEM file, or the PEM",
    "certificate",
  ),
  paymentTlsKey: optional(
    "OMS_PAYMENT_TLS_KEY",
    privateKey,
    NOT_PEM,
    "key of that certificate: path of a PEM file, or the PEM",
    "key",
  ),
  inventoryUrl: optional(
    "OMS_INVENTORY_URL",
    p.httpUrl,
    "https://user:word@stock",
    "base URL of the inventory provider",
  ),
  inventoryToken: optional(
    "OMS_INVENTORY_TOKEN",
    token,
    "two words",
    "token for it, sent as `Authorization: Bearer …`",
    "secret",
  ),
  inventoryHeaders: optional(
    "OMS_INVENTORY_HEADERS",
    headerFields,
    "Idempotency-Key: mine",
    "more headers for it, one `Name: value` a line",
    "secret",
  ),
  inventoryTlsCa: optional(
    "OMS_INVENTORY_TLS_CA",
    certificates,
    NOT_PEM,
    "more authorities to trust: path of a PEM file, or the PEM",
    "certificate",
  ),
  inventoryTlsCert: optional(
    "OMS_INVENTORY_TLS_CERT",
    certificates,
    NOT_PEM,
    "our certificate there: path of a PEM file, or the PEM",
    "certificate",
  ),
  inventoryTlsKey: optional(
    "OMS_INVENTORY_TLS_KEY",
    privateKey,
    NOT_PEM,
    "key of that certificate: path of a PEM file, or the PEM",
    "key",
  ),
  providerTimeout: withDefault(
    "OMS_PROVIDER_TIMEOUT",
    "2s",
    p.duration(1),
    "0s",
    "longest wait for one attempt at a provider",
  ),
  providerConcurrency: withDefault(
    "OMS_PROVIDER_CONCURRENCY",
    "64",
    p.integer(1, 10_000),
    "0",
    "attempts under way at one provider",
  ),
  providerKeyRetention: withDefault(
    "OMS_PROVIDER_KEY_RETENTION",
    "23h",
    p.duration(1_000, p.LONGEST_RETENTION_MS),
    "23",
    "how long providers keep idempotency keys; later nothing is sent again",
  ),
} as const;
