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
  test.each([
    ["darwin-arm64", "darwin", "server/backlog-mcp"],
    ["windows-x64", "win32", "server/backlog-mcp.exe"],
  ] as const)(
    "for %s is as mcpb wants it, and starts its own program",
    (target, platform, program) => {
      const entries = toBundle(target, Buffer.from("program"), REPOSITORY);
      const names = entries.map(({ name }) => name);
      expect(names).toEqual(["manifest.json", program]);
      const bundle = toBundleManifest(target, REPOSITORY);
      expect(v0_3.McpbManifestSchema.safeParse(bundle).error).toBeUndefined();
      const { server, compatibility } = bundle;
      expect(server.entry_point).toBe(program);
      expect(server.mcp_config.command).toBe(`\${__dirname}/${program}`);
      expect(compatibility.platforms).toEqual([platform]);
    },
  );

  test("asks for the key in secret, hands each field on, and names the tools", () => {
    const bundle = toBundleManifest("darwin-x64", REPOSITORY);
    const text = { type: "string", required: false };
    expect(bundle.user_config).toMatchObject({
      api_key: { type: "string", required: true, sensitive: true },
      domain: { ...text, required: true },
      ...{ user_id: text, projects: text },
    });
    expect(bundle.user_config.domain).not.toHaveProperty("sensitive");
    expect(bundle.server.mcp_config.env).toEqual({
      BACKLOG_API_KEY: `\${user_config.api_key}`,
      BACKLOG_DOMAIN: `\${user_config.domain}`,
      USER_ID: `\${user_config.user_id}`,
      BACKLOG_PROJECTS: `\${user_config.projects}`,
    });
    const names = bundle.tools.map(({ name }) => name);
    expect(names).toEqual(["get_issue_details", "get_user_issue_list"]);
  });

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
  expect(packages).toHaveLength(targets.length);
  for (const [
    index,
    { environmentVariables, ...bundle },
  ] of packages.entries()) {
    const name = `backlog-mcp-${version}-${targets[index]}.mcpb`;
    const place = { identifier: `${DOWNLOADS}/${name}`, version };
    expect(bundle).toEqual({
      ...{ registryType: "mcpb", transport: { type: "stdio" } },
      ...{ ...place, fileSha256: `sum of ${name}` },
    });
    const asked = environmentVariables.map((one) => {
      return [one.name, one.isRequired, one.isSecret];
    });
    expect(asked).toEqual([
      ["BACKLOG_API_KEY", true, true],
      ["BACKLOG_DOMAIN", true, false],
      ["USER_ID", false, false],
      ["BACKLOG_PROJECTS", false, false],
    ]);
  }
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

  test("says what to do next, and holds an MCP conversation", () => {
    expect(formula).toContain("backlog-mcp config\n");
    expect(formula).toContain("backlog-mcp check\n");
    expect(formula).toContain("livecheck do\n    url :stable\n");
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
  test("into VS Code asks for key and space, and finds the program on PATH", () => {
    const link = toLinks()["VS Code"];
    const query = new URL(link).searchParams;
    expect(link).toStartWith("https://vscode.dev/redirect/mcp/install?");
    // The client's own decoder takes a plus sign for one.
    expect(link).not.toContain("+");
    expect(query.get("name")).toBe("backlog");
    const BACKLOG_API_KEY = `\${input:api_key}`;
    const BACKLOG_DOMAIN = `\${input:domain}`;
    const env = { BACKLOG_API_KEY, BACKLOG_DOMAIN };
    const config = { type: "stdio", command: "backlog-mcp", env };
    expect(JSON.parse(query.get("config") ?? "")).toEqual(config);
    expect(JSON.parse(query.get("inputs") ?? "")).toMatchObject([
      { type: "promptString", id: "api_key", password: true },
      { type: "promptString", id: "domain", password: false },
    ]);
  });

  test("into Cursor leaves the settings to the user's own file", () => {
    const link = toLinks().Cursor;
    const query = new URL(link).searchParams;
    expect(link).toStartWith("https://cursor.com/en/install-mcp?");
    expect(query.get("name")).toBe("backlog");
    const config = Buffer.from(query.get("config") ?? "", "base64");
    expect(JSON.parse(config.toString())).toEqual({ command: "backlog-mcp" });
  });

  test("stands in docs/install.md", async () => {
    const text = await Bun.file(join(ROOT, "docs/install.md")).text();
    for (const [client, link] of Object.entries(toLinks())) {
      expect(text).toContain(`[${client}](${link})`);
    }
  });
});

test("the SBOM is valid, the same each time, and lists what is compiled in", async () => {
  const text = await toSbom(REPOSITORY);
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(text)).toBeNull();
  expect(await toSbom(REPOSITORY)).toBe(text);
  expect(text).not.toContain("OWNER");
  const { components, dependencies } = JSON.parse(text);
  const purls: string[] = components.map(({ purl }: { purl: string }) => purl);
  expect(dependencies).toContainEqual({
    ref: `@modelcontextprotocol/sdk@${manifest.dependencies["@modelcontextprotocol/sdk"]}`,
    dependsOn: expect.arrayContaining([`zod@${manifest.dependencies.zod}`]),
  });
  for (const [name, version] of Object.entries(manifest.dependencies)) {
    expect(purls).toContain(`pkg:npm/${name.replace("@", "%40")}@${version}`);
  }
  expect(purls).toContain(`pkg:github/oven-sh/bun@bun-v${Bun.version}`);
  // The SDK brings a web server along, which is left out of the bundle.
  for (const name of ["express", "hono", "typescript", "fast-check"]) {
    expect(purls.join()).not.toContain(`pkg:npm/${name}@`);
  }
});
