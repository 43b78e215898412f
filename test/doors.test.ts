import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import * as v from "valibot";
import manifest from "../package.json" with { type: "json" };
import { startSampleSpace } from "../sample-space/server.ts";
import { zip } from "../scripts/archive.ts";
import { BINARY, ROOT, startFolder } from "../scripts/build.ts";
import { assertManifest, toBundle } from "../scripts/bundle.ts";
import {
  SETTINGS,
  TOOLS,
  toBundleManifest,
  toLinks,
  toRegistryEntry,
} from "../scripts/doors.ts";
import { toSbom } from "../scripts/sbom.ts";
import { smoke } from "../scripts/smoke.ts";
import { BUNDLE_TARGETS, bundleName, hostTarget } from "../scripts/targets.ts";

const REPOSITORY = "Example/backlog-mcp";
const HOST = hostTarget();

describe("what is asked for", () => {
  test("is what .env.example has", async () => {
    const text = await Bun.file(join(ROOT, ".env.example")).text();
    const names = [...text.matchAll(/^#? ?([A-Z_]+)=/gm)];
    expect(SETTINGS.map(({ variable }) => variable)).toEqual(
      names.map(([, name]) => name as never),
    );
  });

  test.each(SETTINGS)("$variable: in English and Japanese", (setting) => {
    for (const text of [setting.title, setting.description]) {
      expect(text).toMatch(/^[\x20-\x7e]+ \/ .*[\p{sc=Katakana}\p{sc=Han}]/u);
    }
  });
});

describe("a bundle", () => {
  test.each(BUNDLE_TARGETS)("for %s passes mcpb validate", async (target) => {
    const content = Buffer.from("program");
    const entries = await toBundle(target, { content, repository: REPOSITORY });
    const { server, compatibility } = toBundleManifest(target, REPOSITORY);
    expect(entries.map(({ name }) => name)).toEqual([
      "manifest.json",
      server.entry_point,
    ]);
    expect(server.mcp_config.command).toBe(
      `\${__dirname}/${server.entry_point}`,
    );
    expect(server.entry_point.endsWith(".exe")).toBe(target === "windows-x64");
    expect(compatibility.platforms).toEqual([
      target === "windows-x64" ? "win32" : "darwin",
    ]);
  });

  test("whose manifest mcpb does not accept is refused", async () => {
    const bundle = toBundleManifest(HOST, REPOSITORY);
    const text = JSON.stringify({ ...bundle, version: undefined });
    await expect(assertManifest(text)).rejects.toThrow("version");
  });

  test("asks for the key in secret, and hands each field on", () => {
    const { user_config, server } = toBundleManifest(HOST, REPOSITORY);
    expect(user_config).toMatchObject({
      api_key: { type: "string", required: true, sensitive: true },
      domain: { type: "string", required: true },
      user_id: { type: "string", required: false },
      projects: { type: "string", required: false },
    });
    expect(user_config.domain).not.toHaveProperty("sensitive");
    expect(server.mcp_config.env).toEqual({
      BACKLOG_API_KEY: `\${user_config.api_key}`,
      BACKLOG_DOMAIN: `\${user_config.domain}`,
      USER_ID: `\${user_config.user_id}`,
      BACKLOG_PROJECTS: `\${user_config.projects}`,
    });
  });

  test("names the two tools", () => {
    expect(TOOLS.map(({ name }) => name)).toEqual([
      "get_issue_details",
      "get_user_issue_list",
    ]);
  });

  test("unpacked, answers with both tools though two fields are empty", async () => {
    await using folder = await startFolder();
    await using space = startSampleSpace();
    const file = join(folder.path, "bundle.mcpb");
    const content = await Bun.file(BINARY).bytes();
    const entries = await toBundle(HOST, { content, repository: REPOSITORY });
    await writeFile(file, zip(entries, 1));
    await smoke(file, space);
    expect(space.requests.map(({ path }) => path)).toContain("/issues/WEB-1");
  });
});

describe("server.json", () => {
  // What the schema of 2025-12-11 demands of the fields that are used.
  const UrlSchema = v.pipe(v.string(), v.url(), v.startsWith("https://"));
  const EntrySchema = v.strictObject({
    $schema: v.literal(
      "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    ),
    name: v.pipe(
      v.string(),
      v.maxLength(200),
      v.regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
    ),
    title: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
    description: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
    version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+$/)),
    websiteUrl: UrlSchema,
    repository: v.strictObject({ url: UrlSchema, source: v.literal("github") }),
    packages: v.array(
      v.strictObject({
        registryType: v.literal("mcpb"),
        // The registry wants "mcp" in it, on GitHub or GitLab.
        identifier: v.pipe(UrlSchema, v.regex(/^https:\/\/github\.com\/.*mcp/)),
        version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+$/)),
        fileSha256: v.pipe(v.string(), v.regex(/^[a-f0-9]{64}$/)),
        transport: v.strictObject({ type: v.literal("stdio") }),
        environmentVariables: v.array(
          v.strictObject({
            name: v.string(),
            description: v.string(),
            isRequired: v.boolean(),
            isSecret: v.boolean(),
            format: v.literal("string"),
          }),
        ),
      }),
    ),
  });
  const sums = new Map(
    BUNDLE_TARGETS.map((target, index) => [
      bundleName(target),
      `${index}`.repeat(64),
    ]),
  );

  test("is as the registry's schema wants it, a package a platform", () => {
    const entry = v.parse(EntrySchema, toRegistryEntry(REPOSITORY, sums));
    expect(entry.name).toBe("io.github.Example/backlog-mcp");
    const { version } = manifest;
    expect(
      entry.packages.map(({ identifier, fileSha256 }) => [
        identifier,
        fileSha256,
      ]),
    ).toEqual(
      BUNDLE_TARGETS.map((target, index) => [
        `https://github.com/Example/backlog-mcp/releases/download/v${version}/backlog-mcp-${version}-${target}.mcpb`,
        `${index}`.repeat(64),
      ]),
    );
  });

  test("without the sum of a bundle is refused", () => {
    const entry = toRegistryEntry(REPOSITORY, new Map());
    expect(v.is(EntrySchema, entry)).toBe(false);
  });

  test("marks the key, and nothing else, as secret", () => {
    const [entry] = toRegistryEntry(REPOSITORY, sums).packages;
    const secret = entry?.environmentVariables.filter((one) => one.isSecret);
    expect(secret?.map(({ name }) => name)).toEqual(["BACKLOG_API_KEY"]);
  });
});

describe("a link that installs", () => {
  const parse = (link: string) => new URL(link).searchParams;

  test("into VS Code asks for key and space, and finds the program on PATH", () => {
    const link = toLinks()["VS Code"];
    const query = parse(link);
    expect(link).toStartWith("https://vscode.dev/redirect/mcp/install?");
    // The client's own decoder takes a plus sign for one.
    expect(link).not.toContain("+");
    expect(query.get("name")).toBe("backlog");
    expect(JSON.parse(query.get("config") ?? "")).toEqual({
      type: "stdio",
      command: "backlog-mcp",
      env: {
        BACKLOG_API_KEY: `\${input:api_key}`,
        BACKLOG_DOMAIN: `\${input:domain}`,
      },
    });
    expect(JSON.parse(query.get("inputs") ?? "")).toMatchObject([
      { type: "promptString", id: "api_key", password: true },
      { type: "promptString", id: "domain", password: false },
    ]);
  });

  test("into Cursor leaves the settings to the user's own file", () => {
    const link = toLinks().Cursor;
    const query = parse(link);
    expect(link).toStartWith("https://cursor.com/en/install-mcp?");
    expect(query.get("name")).toBe("backlog");
    const config = Buffer.from(query.get("config") ?? "", "base64");
    expect(JSON.parse(config.toString())).toEqual({ command: "backlog-mcp" });
  });

  test.each(Object.entries(toLinks()))(
    "into %s stands in docs/install.md",
    async (client, link) => {
      const text = await Bun.file(join(ROOT, "docs/install.md")).text();
      expect(text).toContain(`[${client}](${link})`);
    },
  );
});

describe("the SBOM", () => {
  test("is valid CycloneDX, and the same each time", async () => {
    const text = await toSbom(REPOSITORY);
    const { JsonStrictValidator } = Validation;
    const validator = new JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(text)).toBeNull();
    expect(await toSbom(REPOSITORY)).toBe(text);
    expect(text).not.toContain("OWNER");
  });

  test("lists the runtime and the packages that are compiled in, no others", async () => {
    const { components } = JSON.parse(await toSbom(REPOSITORY));
    const purls: string[] = components.map(
      ({ purl }: { purl: string }) => purl,
    );
    const { dependencies, devDependencies } = manifest;
    for (const [name, version] of Object.entries(dependencies)) {
      expect(purls).toContain(`pkg:npm/${name.replace("@", "%40")}@${version}`);
    }
    expect(purls).toContain(`pkg:github/oven-sh/bun@bun-v${Bun.version}`);
    // The SDK brings a web server along, which is left out of the bundle.
    for (const name of ["express", "hono", "typescript", "fast-check"]) {
      expect(purls.join()).not.toContain(`pkg:npm/${name}@`);
    }
    expect(Object.keys(devDependencies)).toContain("typescript");
  });
});
