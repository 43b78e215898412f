import { describe, expect, spyOn, test } from "bun:test";
import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import manifest from "../package.json" with { type: "json" };
import { startSampleSpace } from "../sample-space/server.ts";
import { unpack } from "../scripts/archive.ts";
import { BINARY, ROOT, runToEnd, startFolder } from "../scripts/build.ts";
import { demo } from "../scripts/demo.ts";
import {
  assertAnswers,
  pack,
  SBOM,
  smoke,
  toNotes,
  toRepository,
  USAGE,
} from "../scripts/release.ts";
import { QEMU, WINE } from "../scripts/systems.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  hostTarget,
  programPath,
  TARGETS,
} from "../scripts/targets.ts";
import { messageOf } from "./helpers.ts";

const OWNER = "OWNER";
const HOST = hostTarget();
const POSIX = process.platform !== "win32";

/** A release folder: stand-ins, and for this machine the real program. */
async function startRelease(readme = "# Read me\n") {
  const folder = await startFolder({
    "README.md": readme,
    LICENSE: "MIT\n",
    ...Object.fromEntries(TARGETS.map((name) => [programPath("", name), name])),
  });
  await fs.copyFile(BINARY, programPath(folder.path, HOST));
  const sizes = { level: 0, smallest: 1 } as const;
  const options = { override: "someone/fork", root: folder.path, ...sizes };
  return { ...folder, options };
}

describe("toNotes", () => {
  const changelog =
    "# Changelog\n\n## 0.2.0 - 2026-12-01\n\n- Add a thing.\n- Fix another.\n\n## 0.1.0\n\n- Add the first.\n";

  test.each([
    ["with a date", changelog, "0.2.0", "- Add a thing.\n- Fix another."],
    ["without one, and last", changelog, "0.1.0", "- Add the first."],
    ["of Windows", "## 0.1.0\r\n\r\n- A.\r\n- B.\r\n", "0.1.0", "- A.\n- B."],
  ])("takes out a section %s", (_, text, version, expected) => {
    expect(toNotes(text, version)).toBe(expected);
  });

  test.each([
    ["a version it does not know", changelog, "0.3.0"],
    ["the beginning of a version", changelog, "0.1"],
    ["a section with nothing in it", "## 0.3.0\n\n## 0.2.0\n\nA.", "0.3.0"],
  ])("refuses %s", (_, text, version) => {
    expect(() => toNotes(text, version)).toThrow(version);
  });
});

describe("toRepository", () => {
  const ADDRESS = "git+https://github.com/a/b.git";
  test.each([
    [ADDRESS, "", '"a/b"'],
    ["git@github.com:a/b.c.git", undefined, '"a/b.c"'],
    [ADDRESS, "c/d", '"c/d"'],
    [ADDRESS.replace("a/b", `${OWNER}/b`), "", "set GITHUB_REPOSITORY"],
    [ADDRESS, `${OWNER}/b`, "set GITHUB_REPOSITORY"],
    [ADDRESS, "nobody", "set GITHUB_REPOSITORY"],
  ])("of %s, overridden by %p: %s", (url, override, expected) => {
    expect(messageOf(() => toRepository(url, override))).toContain(expected);
  });
});

describe("pack", () => {
  test("makes every file, the same each time, and they answer", async () => {
    const README = `brew install ${OWNER}/tap/backlog-mcp, from ${OWNER}/backlog-mcp\n`;
    await using release = await startRelease(README);
    const { path, options } = release;
    const dist = join(path, "dist");
    const read = (...names: string[]) => Bun.file(join(path, ...names)).text();
    const sums = await pack(path, options);
    const formula = await read("Formula", "backlog-mcp.rb");

    expect(await read("dist", "SHA256SUMS")).toBe(sums);
    const lines = sums.trim().split("\n");
    const names = lines.map((line) => line.split("  ")[1] ?? "");
    const packed = TARGETS.map(archiveName);
    packed.push(...BUNDLE_TARGETS.map(bundleName), SBOM);
    expect(names).toEqual(packed.sort());
    expect(await fs.readdir(dist)).toHaveLength(names.length + 1);
    for (const name of names) {
      const bytes = await Bun.file(join(dist, name)).bytes();
      const sum = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      expect(lines).toContain(`${sum}  ${name}`);
    }
    expect(formula.match(/sha256 "[0-9a-f]{64}"/g)).toHaveLength(4);
    const { packages } = JSON.parse(await read("server.json"));
    expect(packages).toHaveLength(3);
    for (const { identifier, fileSha256 } of packages) {
      expect(lines).toContain(`${fileSha256}  ${basename(identifier)}`);
    }

    await using space = startSampleSpace();
    const archive = join(dist, archiveName(HOST));
    await smoke(archive, space);
    await fs.mkdir(join(path, "unpacked"));
    await unpack(archive, join(path, "unpacked"));
    expect(await read("unpacked", "README.md")).toBe(
      "brew install someone/tap/backlog-mcp, from someone/fork\n",
    );

    // As artifacts of CI arrive.
    await fs.chmod(programPath(path, HOST), 0o644);
    expect(await pack(path, options)).toBe(sums);
    expect(await read("Formula", "backlog-mcp.rb")).toBe(formula);
  });

  test("names every target that is missing or cut short", async () => {
    await using release = await startRelease();
    const { smallest: _, ...options } = release.options;
    await fs.rm(programPath(release.path, "darwin-x64"));
    for (const target of TARGETS.slice(2)) {
      await fs.truncate(programPath(release.path, target), 50_000_000);
    }
    await fs.truncate(programPath(release.path, "windows-arm64"), 49_999_999);
    await expect(pack(release.path, options)).rejects.toThrow(
      "lacks darwin-arm64, darwin-x64, windows-arm64.",
    );
  });

  test("refuses a program for this machine that does not start", async () => {
    await using release = await startRelease();
    await fs.writeFile(programPath(release.path, HOST), "junk");
    await expect(pack(release.path, release.options)).rejects.toThrow();
  });

  const COMMANDS = 'if [ "$1" ]; then exec "$real" "$@"; fi';
  const OPTIONS = 'case "$1" in --*) exec "$real" "$@" ;; esac';
  const through = (sed: string) => `${COMMANDS}; "$real" | sed -u '${sed}'`;
  const VERSION = `--version does not say ${manifest.version}`;
  const CHECK = "check, not configured: check does not say BACKLOG_API_KEY";
  const SERVING = "serving, not configured: ";
  test.skipIf(!POSIX).each([
    ["is another version", "echo 9.9.9", VERSION],
    ["ends silently where nothing is configured", OPTIONS, CHECK],
    ["does not speak MCP", COMMANDS, SERVING],
    ["serves as another version", through('s/"version":"/&9/'), SERVING],
    ["does not say what is missing", through("s/isError/wasError/"), SERVING],
  ])("refuses a program that %s", async (_, script, message) => {
    const text = `#!/bin/sh\nreal=\${0%/*}/real\n${script}\n`;
    await using folder = await startFolder({ "backlog-mcp": text });
    await fs.copyFile(BINARY, folder.at("real"));
    const answers = assertAnswers(folder.at("backlog-mcp"));
    await expect(answers).rejects.toThrow(message);
  });

  test("refuses a README.md with a part left to write", async () => {
    await using release = await startRelease("# Read me\r\nBENCH\r\n");
    const packed = pack(release.path, release.options);
    await expect(packed).rejects.toThrow("README.md still says BENCH");
  });
});

describe("the scripts", () => {
  const runScript = (name: string, ...args: string[]) =>
    runToEnd([process.execPath, join(ROOT, name), ...args]);

  test.each([
    ["release", [], USAGE],
    ["release", ["publish"], USAGE],
    ["systems", ["amiga"], `amiga is none of ${TARGETS.join(", ")}.`],
  ])("%s with %j says what there is", async (name, args, words) => {
    const said = await runScript(`scripts/${name}.ts`, ...args);
    expect(said).toEqual({ stdout: "", stderr: `${words}\n`, code: 2 });
  });

  test("demo shows a picture, and fails when a tool answers with an error", async () => {
    using write = spyOn(process.stdout, "write").mockReturnValue(true);
    const ask = (issue_key: string) =>
      demo([["?", "get_issue_details", { issue_key }]]);
    await ask("WEB-5#attachment-1076475104");
    const shown = write.mock.calls.join("");
    expect(shown).toContain("(PNG, 480 × 400 pixels, 3.4 kB, ");
    expect(shown).toContain("and the picture itself (image/png)\n");
    await expect(ask("WEB-0")).rejects.toThrow("answered with an error");
  });

  test("sample-space names the program that bun run build makes", async () => {
    const file = join(ROOT, "sample-space/server.ts");
    const command = [process.execPath, file, "0"];
    const child = Bun.spawn(command, { stdout: "pipe" });
    let stdout = "";
    for await (const chunk of child.stdout) {
      stdout += new TextDecoder().decode(chunk);
      if (/^}$/m.test(stdout)) child.kill();
    }
    const block = JSON.parse(stdout.slice(stdout.indexOf("{")));
    expect(block.mcpServers.backlog.command).toBe(BINARY);
  });
});

const STEP = { uses: v.optional(v.string()), run: v.optional(v.string(), "") };
const JOB = { "timeout-minutes": v.number(), steps: v.array(v.object(STEP)) };
const WorkflowSchema = v.object({
  permissions: v.record(v.string(), v.literal("read")),
  concurrency: v.object({ group: v.string() }),
  jobs: v.record(v.string(), v.object(JOB)),
});

test.each(["ci", "release", "published"])(
  "the workflow %s may only read, pins its actions, and calls what there is",
  async (name) => {
    const text = await readText(`.github/workflows/${name}.yml`);
    const { jobs } = v.parse(WorkflowSchema, Bun.YAML.parse(text));
    const commands: string[] = USAGE.match(/release \w+/g) ?? [];
    for (const { uses, run } of Object.values(jobs).flatMap((j) => j.steps)) {
      // No expression in a shell.
      expect(run).not.toContain("${{");
      for (const command of run.match(/(?<=run )release \w+/g) ?? []) {
        expect(commands).toContain(command);
      }
      if (uses === undefined) continue;
      expect(uses).toMatch(/@[0-9a-f]{40}$/);
      expect(text).toMatch(new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+\\n`));
    }
  },
);

test("CI runs the test command on three systems, and installs what systems asks for", async () => {
  const text = await readText(".github/workflows/ci.yml");
  expect(text).toContain(`run: npx -y ${manifest.packageManager} run test\n`);
  for (const os of ["ubuntu", "macos", "windows"]) {
    expect(text).toContain(`${os}-latest`);
  }
  const guide = await readText("CONTRIBUTING.md");
  for (const packages of [QEMU, WINE].map((n) => n.replace("install ", ""))) {
    expect(text).toContain(packages);
    expect(guide).toContain(packages);
  }
});

test("docs/install.md says of every target how far it was tried", async () => {
  const text = await readText("docs/install.md");
  const rows = [...text.matchAll(/^\| `([\w-]+)` \| (.+?) \|/gm)];
  const targets: string[] = [...TARGETS];
  expect(rows.map(([, target = ""]) => target).sort()).toEqual(targets.sort());
  for (const [, , tried] of rows) {
    expect(tried).toMatch(/^(natively|emulated|not at all)/);
  }
});

function readText(name: string): Promise<string> {
  return Bun.file(join(ROOT, name)).text();
}
