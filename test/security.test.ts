import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { BINARY, ROOT } from "../scripts/build.ts";
import { toEnvironment } from "../scripts/connect.ts";
import { startRaw, toCall, toText } from "../scripts/raw-client.ts";
import { start } from "./helpers.ts";

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

describe("no error has more than 2,000 characters", () => {
  const LONG = "Long 長い\n".repeat(20_000);
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => `${LONG.slice(0, 90)}${n}`);
  const CALLS: [name: string, args: Record<string, unknown>][] = [
    ["get_issue_details", { issue_key: LONG }],
    ["get_issue_details", { issue_key: many(9) }],
    ["get_issue_details", { issue_key: "WEB-5", timezone: LONG }],
    ["get_issue_details", { issue_key: "WEB-5", [LONG]: 1 }],
    [
      "get_issue_details",
      Object.fromEntries(many(900).map((name) => [name, 1])),
    ],
    ["get_user_issue_list", { project_keys: many(900) }],
    [
      "get_user_issue_list",
      {
        assignee_names: many(900),
        status_names: many(900),
        milestone_names: many(90),
        project_keys: ["WEB"],
      },
    ],
    [
      "get_user_issue_list",
      {
        due_date_since: LONG,
        created_until: LONG,
        sort: LONG,
        limit: LONG,
        project_ids: many(900),
      },
    ],
    [LONG, {}],
  ];
  test.each([
    ["of the assistant's", {}],
    [
      "of Backlog's",
      {
        answer: () =>
          Response.json(
            { errors: many(50).map((message) => ({ message, code: 7 })) },
            { status: 400 },
          ),
      },
    ],
    [
      "of Backlog's, not as JSON",
      { answer: () => new Response(LONG, { status: 403 }) },
    ],
    [
      "of Backlog's, as a name",
      { answer: () => Response.json({ id: 1, name: LONG, userId: LONG }) },
    ],
    [
      "of a redirect",
      {
        answer: () =>
          new Response("", {
            status: 302,
            headers: {
              location: `https://${LONG.replace(/[^a-z]/gi, "").slice(0, 9_000)}.example`,
            },
          }),
      },
    ],
  ])("whatever comes %s", async (_, options: SampleSpaceOptions) => {
    await using space = startSampleSpace(options);
    await using server = startRaw({
      ...toEnvironment(space),
      USER_ID: LONG.slice(0, 9_000),
    });
    server.send(
      ...CALLS.map(([name, args], id) => ({
        ...toCall(id, "get_issue_details"),
        params: { name, arguments: args },
      })),
    );
    for (const id of CALLS.keys()) {
      const { result, error } = await server.answerTo(id);
      const text = result === undefined ? error?.message : toText({ result });
      expect(text?.length).toBeWithin(20, 2_001);
      expect(text).toBe(text?.toWellFormed());
    }
  });

  const TYPED = LONG.slice(0, 30_000);
  test.each([
    { args: [TYPED] },
    { args: ["check", TYPED] },
    { args: [`--${TYPED}`] },
    { args: ["config", TYPED, TYPED] },
  ])("whatever is typed", async ({ args }) => {
    const { stderr, code } = await start([...args]);
    expect(code).toBe(2);
    expect(stderr.length).toBeWithin(20, 2_001);
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
