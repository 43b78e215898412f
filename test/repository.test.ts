import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import biome from "../biome.json" with { type: "json" };
import manifest from "../package.json" with { type: "json" };
import { BINARY, ROOT, run } from "../scripts/build.ts";
import {
  findFaults,
  listImports,
  readFloors,
  readRooms,
} from "../scripts/floors.ts";

/** Our own text files, as they stand: what others made is not ours to check. */
async function readSources(): Promise<Map<string, string>> {
  const FOREIGN = /^(node_modules|dist|release|\.git)$/;
  const texts = new Map<string, string>();
  const visit = async (folder: string) => {
    const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !FOREIGN.test(entry.name)) await visit(path);
      if (!entry.isFile() || entry.name === "bun.lock") continue;
      if (/^\.env(\.local)?$/.test(entry.name)) continue;
      texts.set(path, await readFile(join(ROOT, path), "utf8"));
    }
  };
  await visit("");
  return texts;
}

describe("Bun's version", () => {
  const [, version = ""] =
    /^bun@(\d+\.\d+\.\d+)$/.exec(manifest.packageManager) ?? [];

  test("is stated exactly in packageManager", () => {
    expect(version).not.toBe("");
    expect(Bun.version).toBe(version);
  });

  test("is the same wherever it is mentioned", async () => {
    const mentions = [...(await readSources())].flatMap(([path, text]) =>
      [
        ...text.matchAll(
          /\bbun(?:-types"?|-version"?)?(?:@|:? "?v?|\/bun-v)(\d+\.\d+(?:\.\d+)?)\b/gi,
        ),
      ].map(([, found]) => `${path} says ${found}`),
    );
    expect(mentions.length).toBeGreaterThan(2);
    expect(
      mentions.filter((mention) => !mention.endsWith(` says ${version}`)),
    ).toEqual([]);
  });
});

describe("package.json", () => {
  test("depends on three packages at run time", () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      "@modelcontextprotocol/sdk",
      "valibot",
      "zod",
    ]);
  });

  test("states every version exactly", () => {
    const { dependencies, devDependencies } = manifest;
    for (const version of Object.values({
      ...dependencies,
      ...devDependencies,
    })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });
});

describe("stdout carries the protocol", () => {
  test.each([
    ["log", 1],
    ["info", 1],
    ["debug", 1],
    ["warn", 1],
    ["error", 0],
  ])("Biome on console.%s ends with %d", async (method, expected) => {
    const folder = await mkdtemp(join(tmpdir(), "backlog mcp lint "));
    try {
      await writeFile(join(folder, "example.ts"), `console.${method}("x");\n`);
      const child = Bun.spawn(
        [
          join(ROOT, "node_modules", ".bin", "biome"),
          "lint",
          `--config-path=${join(ROOT, "biome.json")}`,
          "example.ts",
        ],
        { cwd: folder, stdout: "ignore", stderr: "ignore" },
      );
      expect(await child.exited).toBe(expected);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("and no file is excepted", () => {
    expect(biome.linter.rules.suspicious.noConsole).toEqual({
      level: "error",
      options: { allow: ["error"] },
    });
    expect(Object.keys(biome).sort()).toEqual([
      "$schema",
      "files",
      "formatter",
      "linter",
    ]);
  });

  test("nothing but the transport and the commands writes to it", async () => {
    const writers = [...(await readSources())].filter(
      ([path, text]) =>
        /^[^/\\]+\.ts$/.test(path) &&
        !path.endsWith(".test.ts") &&
        /Bun\.stdout|process\.stdout|console\.(?!error)/.test(text),
    );
    expect(writers.map(([path]) => path).sort()).toEqual([
      "index.ts",
      "stdio.ts",
    ]);
  });
});

describe("the house", () => {
  test("stands: no import goes upwards or in a circle", async () => {
    const text = await readFile(join(ROOT, "CONTRIBUTING.md"), "utf8");
    expect(findFaults(readFloors(text), await readRooms())).toEqual([]);
  });

  test.each([
    {
      name: "an arrow that points up",
      sources: { "a.ts": "", "b.ts": 'import { a } from "./a.ts";' },
      fault: "b.ts imports a.ts, which is on a floor above",
    },
    {
      name: "one for a type alone",
      sources: { "a.ts": "", "b.ts": 'import type { A } from "./a.ts";' },
      fault: "b.ts imports a.ts, which is on a floor above",
    },
    {
      name: "one that is taken later",
      sources: { "a.ts": "", "b.ts": 'await import("./a.ts");' },
      fault: "b.ts imports a.ts, which is on a floor above",
    },
    {
      name: "a circle on one floor",
      sources: {
        "a.ts": "",
        "b.ts": 'export { c } from "./c.ts";',
        "c.ts": 'import {\n  type B,\n} from "./b.ts";',
      },
      fault: "a circle: b.ts → c.ts → b.ts",
    },
    {
      name: "a room on no floor",
      sources: { "a.ts": "", "b.ts": "", "d.ts": "" },
      fault: "d.ts is on no floor of CONTRIBUTING.md",
    },
    {
      name: "a room that is gone",
      sources: { "a.ts": "" },
      fault: "CONTRIBUTING.md names b.ts, which is not there",
    },
  ])("falls with $name", ({ sources, fault }) => {
    const floors = [
      ["a.ts"],
      Object.keys(sources).includes("c.ts") ? ["b.ts", "c.ts"] : ["b.ts"],
    ];
    const imports = new Map(
      Object.entries(sources).map(([room, source]) => [
        room,
        listImports(source),
      ]),
    );
    expect(findFaults(floors, imports)).toEqual([fault]);
  });

  test("has rooms that fit on a few screens", async () => {
    const rooms = [...(await readSources())].filter(([path]) =>
      /^[\w-]+\.ts$/.test(path),
    );
    expect(rooms.length).toBeLessThanOrEqual(28);
    const large = rooms.filter(([, text]) => text.split("\n").length > 481);
    expect(large.map(([path]) => path)).toEqual([]);
  });

  // On Windows a Bun.file() read that fails does not keep the process alive: it
  // ends silently, with 0. https://github.com/oven-sh/bun/issues/39787
  test("nothing that is compiled reads through Bun.file()", async () => {
    const readers = [...(await readSources())].filter(
      ([path, text]) =>
        /^[^/\\]+\.ts$/.test(path) &&
        !path.endsWith(".test.ts") &&
        /\bBun\s*(?:\.\s*file\b|\[)|\bfile\b[^;]*=\s*Bun\b|from "bun"/.test(
          text,
        ),
    );
    expect(readers.map(([path]) => path)).toEqual([]);
  });

  test("fetch is called in one place", async () => {
    const callers = [...(await readSources())].filter(
      ([path, text]) =>
        /^[^/\\]+\.ts$/.test(path) &&
        !path.endsWith(".test.ts") &&
        /(?<![\w.#])fetch\(/.test(text),
    );
    expect(callers.map(([path]) => path)).toEqual(["http.ts"]);
  });
});

test("the build leaves the program and nothing beside it", async () => {
  expect((await run([BINARY, "--version"])).trim()).toBe(manifest.version);
  const files = await readdir(join(ROOT, "dist"));
  expect(files.filter((name) => name.endsWith(".map"))).toEqual([]);
});
