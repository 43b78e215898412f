import { describe, expect, test } from "bun:test";
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import manifest from "../package.json" with { type: "json" };
import { startSampleSpace } from "../sample-space/server.ts";
import { type Entry, tarGz, unpack, zip } from "../scripts/archive.ts";
import { BINARY, ROOT, run, runToEnd, startFolder } from "../scripts/build.ts";
import { toFormula } from "../scripts/homebrew.ts";
import {
  pack,
  SBOM,
  toNotes,
  toRepository,
  toSums,
  USAGE,
} from "../scripts/release.ts";
import { assertAnswers, smoke } from "../scripts/smoke.ts";
import { QEMU, WINE } from "../scripts/systems.ts";
import {
  archiveName,
  BUNDLE_TARGETS,
  bundleName,
  hostTarget,
  programPath,
  TARGETS,
} from "../scripts/targets.ts";

const REPOSITORY = "example/backlog-mcp";
const UNKNOWN_OWNER = "OWNER";
const UNKNOWN_REPOSITORY = `${UNKNOWN_OWNER}/backlog-mcp`;
const HOST = hostTarget();
const POSIX = process.platform !== "win32";

/** A release folder: stand-ins, and for this machine the real program. */
async function startRelease() {
  const folder = await startFolder();
  for (const target of TARGETS) {
    const file = programPath(folder.path, target);
    await mkdir(dirname(file), { recursive: true });
    if (target === HOST) await copyFile(BINARY, file);
    else await writeFile(file, target);
  }
  await writeFile(join(folder.path, "README.md"), "# Read me\n");
  await writeFile(join(folder.path, "LICENSE"), "MIT\n");
  const root = folder.path;
  return {
    ...folder,
    options: { override: REPOSITORY, root, level: 1, smallest: 1 } as const,
  };
}

describe("toNotes", () => {
  const changelog = [
    "# Changelog",
    "",
    "## 0.2.0 - 2026-12-01",
    "",
    "- Add a thing.",
    "- Fix another.",
    "",
    "## 0.1.0",
    "",
    "- Add the first thing.",
    "",
  ].join("\n");

  test.each([
    ["with a date", changelog, "0.2.0", "- Add a thing.\n- Fix another."],
    ["without one, and last", changelog, "0.1.0", "- Add the first thing."],
    [
      "with the line ends of Windows",
      changelog.replaceAll("\n", "\r\n"),
      "0.1.0",
      "- Add the first thing.",
    ],
    ["that is first in the file", "## 1.0.0\nAll new.", "1.0.0", "All new."],
  ])("takes out a section %s", (_, text, version, expected) => {
    expect(toNotes(text, version)).toBe(expected);
  });

  test.each([
    ["a version it does not know", changelog, "0.3.0"],
    ["the beginning of a version", changelog, "0.1"],
    ["a section with nothing in it", "## 0.3.0\n\n## 0.2.0\n\nA.", "0.3.0"],
    ["an empty file", "", "0.1.0"],
  ])("refuses %s", (_, text, version) => {
    expect(() => toNotes(text, version)).toThrow(version);
  });
});

describe("toRepository", () => {
  test.each([
    ["git+https://github.com/a/b.git", "", "a/b"],
    ["https://github.com/a/b", "", "a/b"],
    ["https://github.com/a/b/", undefined, "a/b"],
    ["git@github.com:a/b.c.git", "", "a/b.c"],
    ["git+https://github.com/a/b.git", "c/d", "c/d"],
  ])("of %s, overridden by %p, is %s", (url, override, expected) => {
    expect(toRepository(url, override)).toBe(expected);
  });
});

test("sums are what sha256sum reads, in the order of the names", () => {
  expect(
    toSums(
      new Map([
        ["b.zip", "02"],
        ["a.zip", "01"],
      ]),
    ),
  ).toBe("01  a.zip\n02  b.zip\n");
});

describe.each([
  ["tarGz", tarGz, "packed.tar.gz"],
  ["zip", zip, "packed.zip"],
])("%s", (_, packed, name) => {
  const entries: Entry[] = [
    {
      name: "program",
      content: Buffer.from("run me\n".repeat(1000)),
      executable: true,
    },
    { name: "folder/README.md", content: Buffer.from("# 課題\n") },
    { name: "empty", content: Buffer.alloc(0) },
    { name: "block", content: Buffer.alloc(512, 7) },
  ];

  test("makes the same bytes each time", async () => {
    const first = await packed(entries);
    expect(Bun.hash(await packed(entries))).toBe(Bun.hash(first));
    expect(first.length).toBeLessThan(2000);
  });

  const tool = name.endsWith(".gz") ? "tar" : "unzip";
  const hasTool = !POSIX || Bun.which(tool) !== null;

  test.skipIf(!hasTool)("is read back by the system's own tool", async () => {
    await using folder = await startFolder();
    const file = join(folder.path, name);
    await writeFile(file, await packed(entries));
    await unpack(file, folder.path);
    for (const entry of entries) {
      const path = join(folder.path, entry.name);
      expect(await readFile(path)).toEqual(Buffer.from(entry.content));
      const { mode, mtime } = await stat(path);
      expect(mtime.getUTCFullYear()).toBeLessThanOrEqual(1980);
      if (POSIX) expect(mode & 0o777).toBe(entry.executable ? 0o755 : 0o644);
    }
  });
});

describe("toFormula", () => {
  const formula = toFormula({
    version: "1.2.3",
    repository: REPOSITORY,
    sum: (target) => `sum of ${target}`,
  });

  test.each(["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"])(
    "offers %s with its sum",
    (target) => {
      expect(formula).toContain(
        `url "https://github.com/example/backlog-mcp/releases/download/v1.2.3/backlog-mcp-1.2.3-${target}.tar.gz"\n      sha256 "sum of ${target}"\n`,
      );
    },
  );

  test("says what to do next, and holds an MCP conversation", () => {
    expect(formula).toContain("backlog-mcp config\n");
    expect(formula).toContain("backlog-mcp check\n");
    expect(formula).toContain("libstdc++");
    expect(formula).toContain("livecheck do\n    url :stable\n");
    const request = formula.match(/\{"jsonrpc".*\}/)?.[0] ?? "";
    expect(JSON.parse(request).method).toBe("initialize");
    expect(formula).toContain('assert_match "serverInfo", pipe_output');
  });

  test.skipIf(!Bun.which("ruby"))("is valid Ruby", async () => {
    await using folder = await startFolder();
    const file = join(folder.path, "backlog-mcp.rb");
    await writeFile(file, formula);
    expect(await run(["ruby", "-c", file])).toContain("Syntax OK");
  });
});

describe("pack", () => {
  test("makes every file, the same each time, and they answer", async () => {
    await using release = await startRelease();
    const dist = join(release.path, "dist");
    await pack(release.path, release.options);
    const sums = await Bun.file(join(dist, "SHA256SUMS")).text();
    const formula = Bun.file(join(release.path, "Formula", "backlog-mcp.rb"));
    const first = await formula.text();

    const names: string[] = [...(sums.match(/\S+$/gm) ?? [])];
    expect((await readdir(dist)).sort()).toEqual(
      ["SHA256SUMS", ...names].sort(),
    );
    expect(names).toEqual(
      [
        ...TARGETS.map(archiveName),
        ...BUNDLE_TARGETS.map(bundleName),
        SBOM,
      ].sort(),
    );
    for (const line of sums.trim().split("\n")) {
      const [sum = "", name = ""] = line.split("  ");
      const bytes = await Bun.file(join(dist, name)).bytes();
      expect(new Bun.CryptoHasher("sha256").update(bytes).digest("hex")).toBe(
        sum,
      );
    }
    expect(first.match(/sha256 "[0-9a-f]{64}"/g)).toHaveLength(4);
    const entry = Bun.file(join(release.path, "server.json"));
    for (const { identifier, fileSha256 } of (await entry.json()).packages) {
      expect(sums).toContain(`${fileSha256}  ${basename(identifier)}\n`);
    }

    await using space = startSampleSpace();
    await smoke(join(dist, archiveName(HOST)), space);

    // As artifacts of CI arrive.
    await chmod(programPath(release.path, HOST), 0o644);
    await pack(release.path, release.options);
    expect(await Bun.file(join(dist, "SHA256SUMS")).text()).toBe(sums);
    expect(await formula.text()).toBe(first);
  });

  test("names every target that is missing or cut short", async () => {
    await using release = await startRelease();
    const { smallest: _, ...options } = release.options;
    await rm(programPath(release.path, "darwin-x64"));
    for (const target of TARGETS.slice(2)) {
      await truncate(programPath(release.path, target), 50_000_000);
    }
    await truncate(programPath(release.path, "windows-arm64"), 49_999_999);
    await expect(pack(release.path, options)).rejects.toThrow(
      "lacks darwin-arm64, darwin-x64, windows-arm64.",
    );
  });

  test("refuses a program for this machine that does not start", async () => {
    await using release = await startRelease();
    await writeFile(programPath(release.path, HOST), "junk");
    await expect(pack(release.path, release.options)).rejects.toThrow();
  });

  test.skipIf(!POSIX).each([
    ["is another version", "echo 9.9.9", "package.json says"],
    [
      "ends silently where nothing is configured",
      'case "$1" in --*) exec "$real" "$@" ;; esac',
      "check, not configured: exit 0",
    ],
    [
      "does not speak MCP",
      'if [ "$1" ]; then exec "$real" "$@"; fi',
      "serving, not configured: ",
    ],
  ])("refuses a program that %s", async (_, script, message) => {
    await using folder = await startFolder();
    const file = join(folder.path, "backlog-mcp");
    await copyFile(BINARY, join(folder.path, "real"));
    await writeFile(file, `#!/bin/sh\nreal=\${0%/*}/real\n${script}\n`);
    await expect(assertAnswers(file)).rejects.toThrow(message);
  });

  test.each([
    { override: UNKNOWN_REPOSITORY },
    { override: "nobody" },
    { address: `git+https://github.com/${UNKNOWN_REPOSITORY}.git` },
    { address: "" },
  ])("refuses the repository of %p", async (options) => {
    await expect(pack("nowhere", options)).rejects.toThrow("GITHUB_REPOSITORY");
  });

  const README = [
    `brew install ${UNKNOWN_OWNER}/tap/backlog-mcp`,
    `https://github.com/${UNKNOWN_REPOSITORY}/releases`,
    `--repo ${UNKNOWN_REPOSITORY}`,
  ].join("\n");

  test("puts CI's repository where README.md names none yet", async () => {
    await using release = await startRelease();
    await writeFile(join(release.path, "README.md"), README);
    await pack(release.path, { ...release.options, override: "someone/fork" });
    const folder = join(release.path, "unpacked");
    await mkdir(folder);
    const archive = join(release.path, "dist", archiveName(HOST));
    await unpack(archive, folder);
    expect(await Bun.file(join(folder, "README.md")).text()).toBe(
      [
        "brew install someone/tap/backlog-mcp",
        "https://github.com/someone/fork/releases",
        "--repo someone/fork",
      ].join("\n"),
    );
  });

  test("refuses a README.md without an owner where CI names none", async () => {
    await using release = await startRelease();
    await writeFile(join(release.path, "README.md"), README);
    const { root } = release.options;
    const address = `https://github.com/${REPOSITORY}`;
    await expect(pack(release.path, { address, root })).rejects.toThrow(
      "README.md still says OWNER",
    );
  });

  test.each(["# Read me\n\nBENCH\n", "BENCH", "Quick\r\nBENCH\r\n"])(
    "refuses a README.md with a part left to write: %p",
    async (text) => {
      await using release = await startRelease();
      await writeFile(join(release.path, "README.md"), text);
      await expect(pack(release.path, release.options)).rejects.toThrow(
        "README.md still says BENCH",
      );
    },
  );
});

describe("the scripts", () => {
  const SCRIPTS = join(ROOT, "scripts");

  test.each([[], ["--x"], ["toString"]])(
    "release %p is answered with the usage",
    async (...args) => {
      const file = join(SCRIPTS, "release.ts");
      const command = [process.execPath, file, ...args];
      const expected = { stdout: "", stderr: `${USAGE}\n`, code: 2 };
      expect(await runToEnd(command)).toEqual(expected);
    },
  );

  test("systems names a target that it does not know", async () => {
    const command = [process.execPath, join(SCRIPTS, "systems.ts"), "amiga"];
    const { stdout, stderr, code } = await runToEnd(command);
    expect(stderr).toBe(`amiga is none of ${TARGETS.join(", ")}.\n`);
    expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
  });

  test("demo shows a picture, and fails when a tool answers with an error", async () => {
    const script = (issue_key: string) => `
      import { demo } from ${JSON.stringify(join(SCRIPTS, "demo.ts"))};
      await demo([["?", "get_issue_details", ${JSON.stringify({ issue_key })}]]);`;
    const start = (key: string) =>
      runToEnd([process.execPath, "-e", script(key)]);
    const [well, failed] = await Promise.all([
      start("WEB-5#attachment-1076475104"),
      start("WEB-0"),
    ]);
    expect(well.code).toBe(0);
    expect(well.stdout).toContain("(PNG, 480 × 400 pixels, 3.4 kB, ");
    expect(well.stdout).toEndWith("and the picture itself (image/png)\n");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("get_issue_details answered with an error");
  });

  /** What sample-space says until it waits, or ends. */
  async function startSpace(args: string[]) {
    const file = join(ROOT, "sample-space", "server.ts");
    const child = Bun.spawn([process.execPath, file, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let stdout = "";
    for await (const chunk of child.stdout) {
      stdout += new TextDecoder().decode(chunk);
      if (/^}$/m.test(stdout)) child.kill();
    }
    return { stdout, stderr: await child.stderr.text(), child };
  }

  test("sample-space names the program that bun run build makes", async () => {
    const { stdout, stderr } = await startSpace(["--port", "0"]);
    const block = JSON.parse(stdout.slice(stdout.indexOf("{")));
    expect(block.mcpServers.backlog.command).toBe(BINARY);
    expect(stderr).toBe("");
  });

  test("sample-space says in one line what is wrong with its port", async () => {
    await using space = startSampleSpace();
    const taken = new URL(space.url).port;
    const starts = [taken, "abc", "65536", "-1", ""].map((port) =>
      startSpace([`--port=${port}`]),
    );
    starts.push(startSpace(["--x"]));
    for (const { stdout, stderr, child } of await Promise.all(starts)) {
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^sample-space: .*\n$/);
      expect(await child.exited).toBe(1);
    }
  });
});

const WITH_OWNER = ["package.json", "README.md", "README.ja.md"].concat(
  "docs/install.md",
);

test("the owner that is not known yet stands where the first release looks for it", async () => {
  const files = await listFiles(ROOT);
  const elsewhere: string[] = [];
  for (const file of files) {
    if (WITH_OWNER.includes(file)) continue;
    const text = await Bun.file(join(ROOT, file)).text();
    if (/\bOWNER\//.test(text)) elsewhere.push(file);
  }
  expect(elsewhere).toEqual([]);
});

/** The files of the repository: what .gitignore does not name. */
async function listFiles(root: string): Promise<string[]> {
  const ignored = (await Bun.file(join(root, ".gitignore")).text())
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .concat(".git")
    .map((line) => new Bun.Glob(line.replace(/\/$/, "")));
  const files: string[] = [];
  const visit = async (folder: string) => {
    const found = await readdir(join(root, folder), { withFileTypes: true });
    for (const entry of found) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (ignored.some((glob) => glob.match(entry.name))) continue;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  await visit("");
  return files;
}

describe.each(["ci", "release", "published"])("the workflow %s", (name) => {
  const WorkflowSchema = v.object({
    permissions: v.record(v.string(), v.picklist(["read", "write", "none"])),
    concurrency: v.object({
      group: v.string(),
      "cancel-in-progress": v.boolean(),
    }),
    jobs: v.record(
      v.string(),
      v.object({
        "runs-on": v.string(),
        "timeout-minutes": v.number(),
        steps: v.array(
          v.object({
            uses: v.optional(v.string()),
            run: v.optional(v.string()),
          }),
        ),
      }),
    ),
  });
  const read = async () => {
    const text = await Bun.file(
      join(ROOT, `.github/workflows/${name}.yml`),
    ).text();
    const workflow = v.parse(WorkflowSchema, Bun.YAML.parse(text));
    const steps = Object.values(workflow.jobs).flatMap(({ steps }) => steps);
    return { text, workflow, steps };
  };

  test("states its permissions, and none to write for all jobs", async () => {
    const { workflow } = await read();
    expect(Object.values(workflow.permissions)).not.toContain("write");
  });

  test("pins every action to a commit or an exact tag", async () => {
    const { text, steps } = await read();
    for (const { uses } of steps) {
      if (uses === undefined) continue;
      expect(uses).toMatch(/@([0-9a-f]{40}|v\d+\.\d+\.\d+)$/);
      if (/@[0-9a-f]{40}$/.test(uses)) {
        expect(text).toMatch(new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+\\n`));
      }
    }
  });

  test("uses the Bun of package.json", async () => {
    const { text } = await read();
    for (const mention of text.match(/\bbun@[\w.-]+/g) ?? []) {
      expect(mention).toBe(manifest.packageManager);
    }
  });

  test("calls the release only with commands that it knows", async () => {
    const commands: string[] = [...(USAGE.match(/release \w+/g) ?? [])];
    const { steps } = await read();
    for (const { run = "" } of steps) {
      for (const command of run.match(/(?<=run )release \w+/g) ?? []) {
        expect(commands).toContain(command);
      }
    }
  });

  test("lets no expression into a shell", async () => {
    const { steps } = await read();
    for (const { run = "" } of steps) expect(run).not.toContain("${{");
  });
});

test("CI runs the test command on three systems", async () => {
  const file = join(ROOT, ".github/workflows/ci.yml");
  const text = await Bun.file(file).text();
  expect(text).toContain(`run: npx -y ${manifest.packageManager} run test\n`);
  for (const os of ["ubuntu", "macos", "windows"]) {
    expect(text).toContain(`${os}-latest`);
  }
});

test("CI installs what systems asks for, and the guide names it", async () => {
  for (const file of [".github/workflows/ci.yml", "CONTRIBUTING.md"]) {
    const text = await Bun.file(join(ROOT, file)).text();
    for (const needs of [QEMU, WINE]) {
      expect(text).toContain(needs.replace("install ", ""));
    }
  }
});

test("docs/install.md says of every target how far it was tried", async () => {
  const text = await Bun.file(join(ROOT, "docs/install.md")).text();
  const rows = [...text.matchAll(/^\| `([\w-]+)` \| (.+?) \|/gm)];
  expect(rows.map(([, target]) => target ?? "").sort()).toEqual(
    [...TARGETS].sort(),
  );
  for (const [, , tried] of rows) {
    expect(tried).toMatch(/^(natively|emulated|not at all)/);
  }
});
