import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSampleSpace } from "../sample-space/server.ts";
import { BINARY, ROOT } from "../scripts/build.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall } from "../scripts/raw-client.ts";

describe("SECURITY.md", () => {
  const PROOF = /\[([\w-]+\.test\.ts): ([^\]]+)\]/;

  test("names tests that exist", async () => {
    const text = (await readPage()).replace(/\n\s*/g, " ");
    const proofs = [...text.matchAll(RegExp(PROOF, "g"))];
    expect(proofs.length).toBeGreaterThan(20);
    for (const [, file = "", name = ""] of proofs) {
      const source = await Bun.file(
        join(
          import.meta.dir,
          file === "index.test.ts" ? "../index.test.ts" : file,
        ),
      ).text();
      expect(source, `${file}: ${name}`).toContain(name);
    }
  });

  test("claims nothing without a test", async () => {
    const claims = (await readPage())
      .split(/\n(?=- |\n)/)
      .filter((part) => part.trim().startsWith("- "));
    expect(claims.length).toBeGreaterThan(15);
    for (const claim of claims) expect(claim).toMatch(PROOF);
  });
});

describe("the environment", () => {
  test.each([
    ["BUN_OPTIONS", "--preload"],
    ["NODE_OPTIONS", "--require"],
  ])(
    "%s of the environment runs no code in the program",
    async (name, flag) => {
      await using space = startSampleSpace();
      await using folder = await startFolder();
      const evil = join(folder.path, "evil.cjs");
      const marker = JSON.stringify(join(folder.path, "marker"));
      await writeFile(evil, `require("node:fs").writeFileSync(${marker}, "")`);
      await using server = startRaw({
        ...toEnvironment(space),
        [name]: `${flag} ${evil}`,
      });
      server.send(toCall(1, "get_issue_details", { issue_key: "WEB-5" }));
      server.end();
      await server.exited;
      expect(await readdir(folder.path)).toEqual(["evil.cjs"]);
    },
  );

  test("BUN_BE_BUN of the environment makes the program plain Bun", async () => {
    await using server = startRaw(
      { BUN_BE_BUN: "1" },
      { command: [BINARY, "-e", "console.log(1 + 1)"] },
    );
    expect(await server.exited).toBe(0);
    expect(server.lines).toEqual(["2"]);
  });
});

async function startFolder() {
  const path = await mkdtemp(join(tmpdir(), "backlog-mcp-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

function readPage(): Promise<string> {
  return Bun.file(join(ROOT, "SECURITY.md")).text();
}
