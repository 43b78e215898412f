import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { v0_3 } from "@anthropic-ai/mcpb";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import manifest from "../package.json" with { type: "json" };
import { startSampleSpace } from "../sample-space/server.ts";
import { zip } from "../scripts/archive.ts";
import { BINARY, ROOT, run, startFolder } from "../scripts/build.ts";
import {
  SETTINGS,
  toBundleManifest,
  toFormula,
  toLinks,
  toRegistryEntry,
} from "../scripts/doors.ts";
import { smoke, toBundle } from "../scripts/release.ts";
import { toSbom } from "../scripts/sbom.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  hostTarget,
  TARGETS,
} from "../scripts/targets.ts";

const REPOSITORY = "Example/backlog-mcp";
const HOME = `https://github.com/${REPOSITORY}`;
const { version } = manifest;
const DOWNLOADS = `${HOME}/releases/download/v${version}`;
const FILES = [...TARGETS.map(archiveName), ...BUNDLE_TARGETS.map(bundleName)];
const SUMS = new Map(FILES.map((name) => [name, `sum of ${name}`]));

describe("what is asked for", () => {
  test("is what .env.example has", async () => {
    const text = await Bun.file(join(ROOT, ".env.example")).text();
    const names = [...text.matchAll(/^#? ?([A-Z_]+)=/gm)];
    expect(SETTINGS.map(({ variable }) => `${variable}`)).toEqual(
      names.map(([, name = ""]) => name),
    );
  });

  test.each(SETTINGS)("$variable: in English and Japanese", (setting) => {
    for (const text of [setting.title, setting.description]) {
      expect(text).toMatch(/^[\x20-\x7e]+ \/ .*[\p{sc=Katakana}\p{sc=Han}]/u);
    }
  });
});

describe("a bundle", () => {
  const FIELD = { type: "string", required: false, sensitive: false };
  const SPACE = { ...FIELD, required: true };

  test.each([
    ["darwin-arm64", "darwin", "server/backlog-mcp"],
    ["windows-x64", "win32", "server/backlog-mcp.exe"],
  ] as const)(
    "for %s is as mcpb wants it, starts its own program, and hides the key alone",
    (target, platform, program) => {
      const files = toBundle(target, Buffer.from("program"), REPOSITORY);
      expect(Object.keys(files)).toEqual(["manifest.json", program]);
      const bundle = toBundleManifest(target, REPOSITORY);
      expect(v0_3.McpbManifestSchema.safeParse(bundle).error).toBeUndefined();
      expect(bundle).toMatchObject({
        compatibility: { platforms: [platform] },
        server: {
          entry_point: program,
          mcp_config: {
            command: `\${__dirname}/${program}`,
            env: {
              BACKLOG_API_KEY: `\${user_config.api_key}`,
              BACKLOG_DOMAIN: `\${user_config.domain}`,
              USER_ID: `\${user_config.user_id}`,
              BACKLOG_PROJECTS: `\${user_config.projects}`,
            },
          },
        },
        user_config: {
          api_key: { ...SPACE, sensitive: true },
          ...{ domain: SPACE, user_id: FIELD, projects: FIELD },
        },
        tools: [{ name: "get_issue_details" }, { name: "get_user_issue_list" }],
      });
    },
  );

  // With the system's own tool, which a fresh machine may lack.
  const canUnzip = process.platform === "win32" || Bun.which("unzip") !== null;

  test.skipIf(!canUnzip)(
    "unpacked, answers with both tools though two fields are empty",
    async () => {
      const content = await Bun.file(BINARY).bytes();
      const bundle = zip(toBundle(hostTarget(), content, REPOSITORY), 0);
      await using folder = await startFolder({ "a.mcpb": bundle });
      await using space = startSampleSpace();
      await smoke(folder.at("a.mcpb"), space);
      expect(space.requests.map(({ path }) => path)).toContain("/issues/WEB-1");
    },
  );
});

test("server.json is what the MCP registry takes", () => {
  const { packages, ...entry } = toRegistryEntry(REPOSITORY, SUMS);
  expect(entry).toEqual({
    $schema:
      "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name: "io.github.Example/backlog-mcp",
    title: "Backlog",
    description: manifest.description,
    version,
    websiteUrl: HOME,
    repository: { url: HOME, source: "github" },
  });
  expect(entry.description.length).toBeLessThanOrEqual(100);
  const targets = ["darwin-arm64", "darwin-x64", "windows-x64"];
  expect(packages).toMatchObject(
    targets.map((target) => {
      const name = `backlog-mcp-${version}-${target}.mcpb`;
      return {
        ...{ registryType: "mcpb", transport: { type: "stdio" }, version },
        ...{ identifier: `${DOWNLOADS}/${name}`, fileSha256: `sum of ${name}` },
        environmentVariables: [
          { name: "BACKLOG_API_KEY", isRequired: true, isSecret: true },
          { name: "BACKLOG_DOMAIN", isRequired: true, isSecret: false },
          { name: "USER_ID", isRequired: false, isSecret: false },
          { name: "BACKLOG_PROJECTS", isRequired: false, isSecret: false },
        ],
      };
    }),
  );
});

describe("Homebrew's formula", () => {
  const formula = toFormula(REPOSITORY, SUMS);

  test("offers four targets with their sums", () => {
    const offered = [...formula.matchAll(/url "(.*)"\n +sha256 "(.*)"\n/g)];
    const targets = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"];
    const archives = targets.map(
      (one) => `backlog-mcp-${version}-${one}.tar.gz`,
    );
    expect(offered.map(([, url, sum]) => [url, sum]).toSorted()).toEqual(
      archives.map((name) => [`${DOWNLOADS}/${name}`, `sum of ${name}`]),
    );
  });

  test("says what to do next, and is tried by an MCP conversation", () => {
    expect(formula).toContain("backlog-mcp config\n");
    expect(formula).toContain("backlog-mcp check\n");
    const request = formula.match(/\{"jsonrpc".*\}/)?.[0] ?? "";
    expect(JSON.parse(request).method).toBe("initialize");
    expect(formula).toContain('assert_match "serverInfo", pipe_output');
  });

  test.skipIf(!Bun.which("ruby"))("is valid Ruby", async () => {
    await using folder = await startFolder({ "backlog-mcp.rb": formula });
    const said = await run(["ruby", "-c", folder.at("backlog-mcp.rb")]);
    expect(said).toContain("Syntax OK");
  });
});

describe("a link that installs", () => {
  const links = toLinks();
  const read = (link: string) => Object.fromEntries(new URL(link).searchParams);

  test("into VS Code asks for key and space, and finds the program on PATH", () => {
    const link = links["VS Code"];
    expect(link).toStartWith("https://vscode.dev/redirect/mcp/install?");
    // The client's own decoder takes a plus sign for one.
    expect(link).not.toContain("+");
    const { name, config = "", inputs = "" } = read(link);
    expect(name).toBe("backlog");
    const BACKLOG_API_KEY = `\${input:api_key}`;
    const BACKLOG_DOMAIN = `\${input:domain}`;
    const env = { BACKLOG_API_KEY, BACKLOG_DOMAIN };
    const server = { type: "stdio", command: "backlog-mcp", env };
    expect(JSON.parse(config)).toEqual(server);
    expect(JSON.parse(inputs)).toMatchObject([
      { type: "promptString", id: "api_key", password: true },
      { type: "promptString", id: "domain", password: false },
    ]);
  });

  test("into Cursor leaves the settings to the user's own file", () => {
    expect(links.Cursor).toStartWith("https://cursor.com/en/install-mcp?");
    expect(read(links.Cursor)).toEqual({
      name: "backlog",
      config: Buffer.from('{"command":"backlog-mcp"}').toString("base64"),
    });
  });

  test("stands in docs/install.md", async () => {
    const text = await Bun.file(join(ROOT, "docs/install.md")).text();
    for (const [client, link] of Object.entries(links)) {
      expect(text).toContain(`[${client}](${link})`);
    }
  });
});

test("the SBOM is valid, the same each time, and lists what is compiled in", async () => {
  const text = await toSbom(REPOSITORY);
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(text)).toBeNull();
  expect(await toSbom(REPOSITORY)).toBe(text);
  expect(text).toContain(HOME);
  const { components, dependencies } = JSON.parse(text);
  const { valibot, zod, ...rest } = manifest.dependencies;
  const sdk = `@modelcontextprotocol/sdk@${rest["@modelcontextprotocol/sdk"]}`;
  const dependsOn = expect.arrayContaining([`zod@${zod}`]);
  expect(dependencies).toContainEqual({ ref: sdk, dependsOn });
  // The SDK brings a web server along, which is left out of the bundle.
  expect(components.map(({ purl }: { purl: string }) => purl)).toEqual([
    `pkg:npm/${sdk.replace("@", "%40")}`,
    `pkg:github/oven-sh/bun@bun-v${Bun.version}`,
    `pkg:npm/valibot@${valibot}`,
    expect.stringMatching(/^pkg:npm\/zod-to-json-schema@[\d.]+$/),
    `pkg:npm/zod@${zod}`,
  ]);
});
