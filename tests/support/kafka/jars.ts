/**
 * Apache Kafka's own jars, from Maven Central, kept in the user's cache.
 *
 * Invariants: a version is downloaded once; it is built aside and renamed, so
 * a download that was cut leaves nothing half done, and of several at the same
 * time one wins and the others are thrown away. Not promised: checksums beyond
 * those that Maven itself verifies (`-C`).
 */
import { exists } from "../exists.ts";
import { run } from "../run_program.ts";
import { KafkaUnavailableError } from "./errors.ts";

/** The version that the suites run against; TEST_KAFKA_VERSION overrides it. */
const DEFAULT_VERSION = "4.1.2";

/** KRaft brokers of these releases need it. */
const MIN_JAVA = 17;
const DOWNLOAD_TRIES = 3;
const COPY_GOAL =
  "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

export function kafkaVersion(): string {
  return Deno.env.get("TEST_KAFKA_VERSION") || DEFAULT_VERSION;
}

/** What is missing for a broker of this version; null: nothing. */
export async function whatIsMissing(
  version = kafkaVersion(),
): Promise<string | null> {
  const java = await run("java", ["-version"]);
  // `openjdk version "17.0.15" …`, on stderr.
  const major = Number(/version "(\d+)/.exec(java?.stderr ?? "")?.[1] ?? 0);
  const lacks = [
    ...(major < MIN_JAVA ? ["java"] : []),
    ...(await exists(folderOf(version)) || await run("mvn", ["-v"]) !== null
      ? []
      : ["mvn"]),
  ];
  if (lacks.length === 0) return null;
  return `needs java and mvn (java ${MIN_JAVA} or later; missing: ${
    lacks.join(", ")
  })`;
}

/**
 * The folder with the version's jars; downloads them the first time.
 *
 * @throws KafkaUnavailableError when they cannot be had
 */
export async function findJars(version = kafkaVersion()): Promise<string> {
  const folder = folderOf(version);
  if (await exists(folder)) return folder;
  await Deno.mkdir(cacheFolder(), { recursive: true });
  const aside = await Deno.makeTempDir({ dir: cacheFolder(), prefix: ".new-" });
  try {
    await Deno.writeTextFile(`${aside}/pom.xml`, pom(version));
    await download(aside, version);
    await Deno.rename(`${aside}/lib`, folder).catch(async (error) => {
      if (!await exists(folder)) throw error;
    });
    return folder;
  } finally {
    await Deno.remove(aside, { recursive: true });
  }
}

async function download(aside: string, version: string): Promise<void> {
  let output = "";
  for (let tries = 0; tries < DOWNLOAD_TRIES; tries++) {
    const mvn = await run("mvn", [
      ...["-q", "-B", "-ntp", "-C", "-f", `${aside}/pom.xml`, COPY_GOAL],
      ...["-DincludeScope=runtime", `-DoutputDirectory=${aside}/lib`],
    ]);
    if (mvn?.success) return;
    output = mvn === null ? "mvn is not installed" : mvn.stdout + mvn.stderr;
  }
  throw new KafkaUnavailableError(
    `Cannot download Kafka ${version} with mvn: ${output.slice(-2_000)}`,
  );
}

function pom(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-jars</artifactId><version>1</version>
<packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId>
<artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
<dependency><groupId>org.slf4j</groupId>
<artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies>
</project>
`;
}

function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${cache}/oms-test-kafka`;
}

function folderOf(version: string): string {
  return `${cacheFolder()}/${version}`;
}
