import { describe, expect, test } from "bun:test";
import { addThread, sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { ROOT } from "../scripts/build.ts";
import { connectInProcess } from "../scripts/connect.ts";
import {
  type Call,
  QUESTIONS as EVERYDAY,
  toDepth,
} from "../scripts/questions.ts";
import { sizeOf } from "../text.ts";

/** An answer that is no error, and what it asked of Backlog. */
async function answer([tool, args]: Call, data = sampleData(), server = {}) {
  // Far above what lies between requests that are sent at once.
  await using space = startSampleSpace({ data, latencyMs: 100 });
  await using connected = await connectInProcess(space, server);
  // The README's example host stands for the sample space.
  const given = JSON.stringify(args).replaceAll(EXAMPLE, space.url);
  const { text, isError } = await connected.call(tool, JSON.parse(given));
  expect(isError ? text : "").toBe("");
  const { requests } = space;
  return {
    text: text.replaceAll(space.host, "HOST"),
    requests: requests.length,
    depth: toDepth(requests),
  };
}

/** Requests, round trips, and the tokens that an answer stays below. */
const COSTS: Record<string, [number, number, number]> = {
  "My open issues, in 60 projects": [3, 1, 1_600],
  "The same with custom statuses": [4, 2, 1_600],
  "An ordinary issue": [4, 1, 450],
  "An issue with 350 comments": [6, 3, 10_000],
  "An issue with parent and children": [6, 2, 330],
  "450 matching issues": [6, 2, 10_000],
};

test.each(EVERYDAY)("what it costs: $name", async ({ name, data, call }) => {
  const [requests, depth, tokens = 0] = COSTS[name] ?? [];
  const space = data();
  const cost = await answer(call, space, { userId: `${space.me}` });
  expect(cost).toMatchObject({ requests, depth });
  expect(sizeOf(cost.text).tokens).toBeLessThan(tokens);
});

const LONG = (n: number) => `${n}. ${"Measured again. ".repeat(130)}`;
test.each([
  // The tokens that it stays below, and the place of the next call.
  ["no comment", 0, undefined, 4, 1, 110, -1],
  ["20 comments", 20, undefined, 4, 1, 900, -1],
  ["100 comments, a full page", 100, undefined, 5, 2, 4_100, -1],
  ["350 comments", 350, undefined, 6, 3, 9_000, 129],
  ["350 long comments", 350, LONG, 4, 1, 9_000, 128],
])("what an issue costs with %s", async (_, count, text, ...cost) => {
  const [requests, depth, tokens, next] = cost;
  const data = sampleData();
  addThread(data, "WEB-7", count, text);
  const call: Call = ["get_issue_details", { issue_key: "WEB-7" }];
  const answered = await answer(call, data);
  expect(answered).toMatchObject({ requests, depth });
  expect(sizeOf(answered.text).tokens).toBeLessThan(tokens);
  expect(answered.text.indexOf("Older: issue_key ")).toBe(next);
});

const EXAMPLE = "https://your-space.backlog.com";
const README = await Bun.file(`${ROOT}/README.md`).text();

/** The questions of the README's table, and their calls in the same order. */
const [, section = ""] = README.split(/^## Ask it$/m);
const [, table = "", block = ""] =
  /^\| English .*\n.*\n((?:\|.*\n)+)[\s\S]*?```text\n([\s\S]*?)```/m.exec(
    section,
  ) ?? [];
const CALLS = [...block.matchAll(/^(\w+) (\{.*\})$/gm)];
const QUESTIONS = [...table.matchAll(/^\| ([^|]+?) \|/gm)].map(
  ([, question = ""], index) => {
    const [, tool = "", args = "{}"] = CALLS[index] ?? [];
    return { question, tool, args };
  },
);

/**
 * Requests, round trips, characters in hundreds and keys of each answer, and
 * lines of it, on 22 November 2026.
 */
const ANSWERS: Record<string, [found: string, ...lines: string[]]> = {
  "What do I have due this week, most urgent first?": [
    "7, 4, 11: WEB-9 OPS-1 WEB-4 OPS-7 MOBILE-1",
  ],
  "What is overdue in WEB, and whose is it?": ["5, 3, 9: WEB-4 WEB-9 WEB-11"],
  "What is waiting for 検収, whoever has it?": ["6, 3, 6: WEB-4 OPS-3"],
  "How many open issues does each person have in WEB?": [
    "6, 3, 4: ",
    "Counted: 12, all that match, by assignee.",
    "| Hana Mori | 7 |",
    "| nobody | 1 |",
    "| 鈴木 一郎 (suzuki.i) | 1 |",
    "| 鈴木 一郎 (suzuki1) | 1 |",
    "| Sum | 12 |",
  ],
  "How many were created this month in each project, and how many of them are closed?":
    [
      "3, 1, 6: ",
      "| Project / Status | Open | In Progress | 検収待ち | Closed | Resolved | Waiting for release | Sum |",
      "| WEB | 3 | 2 | 1 | 1 | 0 | 1 | 8 |",
      "| Sum | 7 | 4 | 2 | 1 | 1 | 1 | 16 |",
    ],
  "Which issues does nobody have?": [
    "5, 2, 7: MOBILE-4 OPS-5 WEB-7 OLD_2019-2",
  ],
  "What is of high priority but has no due date, closed or not?": [
    "4, 2, 5: MOBILE-3",
  ],
  "Which issues in WEB have the severity S1?": ["6, 3, 6: WEB-5"],
  "Write my weekly report: what did I do this week?": [
    "7, 4, 14: MOBILE-4 WEB-12 WEB-5",
    "2026-11-21 01:00 · Hana Mori · created",
    "- custom field Severity: S2 → S1",
  ],
  "What happened in MOBILE since Wednesday?": [
    "5, 3, 8: MOBILE-4",
    "Updated, too, without an entry that says how: MOBILE-2.",
    "2026-11-21 01:00 · Hana Mori · created",
  ],
  "What does this comment mean? https://your-space.backlog.com/view/WEB-12#comment-1102837840":
    [
      "5, 2, 55: WEB-12",
      "### 2026-11-14 12:54 · #comment-1102837840 · asked for · 佐藤 花子",
      "> まだ 5 秒かかります。差し戻します。",
    ],
  "What does trace.txt of WEB-12 say?": [
    "2, 2, 7: ",
    "> # カート・配送・支払い方法を順に待っている。",
  ],
  "Show me all children of WEB-1, closed ones too.": [
    "3, 2, 7: WEB-3 WEB-4 WEB-2",
  ],
  "Everything planned for v1.2, please.": ["6, 3, 8: MOBILE-2 MOBILE-1 WEB-13"],
};

describe("things people say, each answered by one call", () => {
  test("are those of the README's table", () => {
    const questions = QUESTIONS.map(({ question }) => question);
    expect(questions).toEqual(Object.keys(ANSWERS));
  });

  test.each(QUESTIONS)("$question", async ({ question, tool, args }) => {
    const { text, requests, depth } = await answer([tool, JSON.parse(args)]);
    const [expected, ...lines] = ANSWERS[question] ?? [""];
    const keys = text.match(/(?<=^(\| |# ))[A-Z0-9_]+-\d+(?= )/gm) ?? [];
    const cost = [requests, depth, Math.ceil(text.length / 100)].join(", ");
    expect(`${cost}: ${keys.join(" ")}`).toBe(expected);
    expect(text.split("\n")).toEqual(expect.arrayContaining(lines));
    expect(text).not.toMatch(/^Next:/m);
    // Nothing is asked by a number but for a comment's link.
    expect(args).not.toMatch(/_ids|\[\d/);
    expect(JSON.parse(args).timezone).toBe("Asia/Tokyo");
  });
});
