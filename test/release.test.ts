import { describe, expect, spyOn, test } from "bun:test";
import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
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

type Job = { "timeout-minutes": number; steps: { run?: string }[] };

const OWNER = "OWNER";
const HOST = hostTarget();
const POSIX = process.platform !== "win32";

/** A release folder: stand-ins, and for this machine the real program. */
async function startRelease() {
  const folder = await startFolder({
    "README.md": `Nothing is released yet. Build it.\n\n[Of](#of) ${OWNER}/tap/backlog-mcp, [from](docs/from.md) ${OWNER}/backlog-mcp\n`,
    LICENSE: "MIT\n",
    "dist/of-last-time.zip": "",
    ...Object.fromEntries(TARGETS.map((name) => [programPath("", name), name])),
  });
  await fs.copyFile(BINARY, programPath(folder.path, HOST));
  const sizes = { level: 0, smallest: 1 } as const;
  const options = { override: "someone/fork", root: folder.path, ...sizes };
  return { ...folder, options };
}

describe("toNotes", () => {
  const TWO = "## 0.2.0 - 2026-12-01\n\n- A.\n- B.\n\n## 0.1.0\n\n- C.\n";
  test.each([
    ["takes out a section with a date", TWO, "0.2.0", '"- A.\\n- B."'],
    ["takes out the last, without one", TWO, "0.1.0", '"- C."'],
    ["reads a file of Windows", "## 1\r\n\r\nA\r\nB\r\n", "1", '"A\\nB"'],
    ["refuses a version it does not know", TWO, "0.3.0", "about 0.3.0"],
    ["refuses the beginning of a version", TWO, "0.1", "about 0.1."],
    [
      "refuses an empty section",
      "## 0.3.0\n\n## 0.2.0",
      "0.3.0",
      "about 0.3.0",
    ],
  ])("%s", (_, text, version, expected) => {
    const changelog = `# Changelog\n\n${text}`;
    expect(messageOf(() => toNotes(changelog, version))).toContain(expected);
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
    await using release = await startRelease();
    const { path, options } = release;
    const dist = join(path, "dist");
    const read = (...names: string[]) => Bun.file(join(path, ...names)).text();
    const sums = await pack(path, options);
    const formula = await read("Formula", "backlog-mcp.rb");

    expect(await read("dist", "SHA256SUMS")).toBe(sums);
    const packed: string[] = TARGETS.map(archiveName);
    packed.push(...BUNDLE_TARGETS.map(bundleName), SBOM);
    const lines = await Promise.all(
      packed.sort().map(async (name) => {
        const bytes = await Bun.file(join(dist, name)).bytes();
        const hash = new Bun.CryptoHasher("sha256").update(bytes);
        return `${hash.digest("hex")}  ${name}\n`;
      }),
    );
    expect(sums).toBe(lines.join(""));
    expect(await fs.readdir(dist)).toHaveLength(packed.length + 1);
    expect(formula.match(/sha256 "[0-9a-f]{64}"/g)).toHaveLength(4);
    const { packages } = JSON.parse(await read("server.json"));
    expect(packages).toHaveLength(3);
    for (const { identifier, fileSha256 } of packages) {
      expect(lines).toContain(`${fileSha256}  ${basename(identifier)}\n`);
    }

    await using space = startSampleSpace();
    const archive = join(dist, archiveName(HOST));
    await smoke(archive, space);
    await fs.mkdir(join(path, "unpacked"));
    await unpack(archive, join(path, "unpacked"));
    const readme = await read("unpacked", "README.md");
    const from = `https://github.com/someone/fork/blob/v${manifest.version}/docs/from.md`;
    expect(readme).toBe(
      `[Of](#of) someone/tap/backlog-mcp, [from](${from}) someone/fork\n`,
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

  test.each([
    ["program for this machine that does not start", programPath("", HOST), ""],
    ["README.md with a part left to write", "README.md", "still says BENCH"],
  ])("refuses a %s", async (_, name, message) => {
    await using release = await startRelease();
    await fs.writeFile(release.at(name), "# Read me\r\nBENCH\r\n");
    const packed = pack(release.path, release.options);
    await expect(packed).rejects.toThrow(message);
  });

  const COMMANDS = 'if [ "$1" ]; then exec "$real" "$@"; fi';
  const WELL = 'if [ "$1" ]; then "$real" "$@"; exit 0; fi';
  const OPTIONS = 'case "$1" in --*) exec "$real" "$@" ;; esac';
  const through = (sed: string) => `${COMMANDS}; "$real" | sed -u '${sed}'`;
  const VERSION = `--version does not say ${manifest.version}`;
  const CHECK = "check, not configured: check does not say BACKLOG_API_KEY";
  const SERVING = "serving, not configured: ";
  test.skipIf(!POSIX).each([
    ["is another version", "echo 9.9.9", VERSION],
    ["ends silently where nothing is configured", OPTIONS, CHECK],
    ["ends well where nothing is configured", WELL, CHECK],
    ["does not speak MCP", COMMANDS, SERVING],
    ["ends badly", `${COMMANDS}; "$real"; exit 3`, `${SERVING}exit 3`],
    ["serves as another version", through('s/"version":"/&9/'), SERVING],
    ["does not say what is missing", through("s/isError/wasError/"), SERVING],
  ])("refuses a program that %s", async (_, script, message) => {
    const text = `#!/bin/sh\nreal=\${0%/*}/real\n${script}\n`;
    await using folder = await startFolder({ "backlog-mcp": text });
    await fs.copyFile(BINARY, folder.at("real"));
    const answers = assertAnswers(folder.at("backlog-mcp"));
    await expect(answers).rejects.toThrow(message);
  });
});

describe("the scripts", () => {
  test.each([
    ["release", "publish", "bun run release build [DIR] "],
    ["systems", "amiga", "amiga is none of darwin-arm64, "],
    ["bench", "--help", "Unknown option '--help'\n"],
    ["live", "", "bun run live asks nothing without a terminal.\n"],
    ["sample-space", "--port=a", '"a" is no port\n'],
    ["sample-space", "--port=65536", 'The value of "options.port" is out of '],
  ])("%s %s says in few words what is wrong", async (name, word, words) => {
    const script = join(ROOT, `scripts/${name}.ts`);
    const said = await runToEnd([process.execPath, script, word]);
    expect(said).toMatchObject({ stdout: "", code: 1 });
    expect(said.stderr).toStartWith(words);
    expect(said.stderr).not.toMatch(/^ +at /m);
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
    const script = join(ROOT, "scripts/sample-space.ts");
    const command = [process.execPath, script, "--port=0"];
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

test.each(["ci", "release", "published"])(
  "the workflow %s may only read, pins its actions, and calls what there is",
  async (name) => {
    const file = `.github/workflows/${name}.yml`;
    const { default: workflow } = await import(join(ROOT, file));
    expect(workflow).toHaveProperty("concurrency.group");
    const rights = Object.values(workflow.permissions);
    expect(rights).toEqual(rights.map(() => "read"));
    for (const job of Object.values<Job>(workflow.jobs)) {
      expect(job["timeout-minutes"]).toBeNumber();
      // No expression in a shell.
      for (const { run } of job.steps) expect(run ?? "").not.toContain("${{");
    }
    const text = await readText(file);
    for (const [, action] of text.matchAll(/uses: (.*)/g)) {
      expect(action).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
    for (const command of text.match(/(?<=run )release \w+/g) ?? []) {
      expect(USAGE).toContain(`${command} `);
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
