import { describe, expect, test } from "bun:test";
import { sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { ROOT } from "../scripts/build.ts";
import { connectInProcess } from "../scripts/connect.ts";

const README = await Bun.file(`${ROOT}/README.md`).text();

/** The rows of the README's table, each a question and its call. */
const [, section = ""] = README.split(/^## \w+ questions$/m);
const [table = ""] = section.split(/^## /m);
const QUESTIONS = [
  ...table.matchAll(/^\| ([^|]+?) \| `(\w+) (\{.*\})` \|$/gm),
].map(([, question = "", tool = "", args = ""]) => ({ question, tool, args }));

/** What the sample space has to answer, on Sunday, 22 November 2026. */
const ANSWERS: Record<string, { keys?: string[]; lines?: string[] }> = {
  "What of mine is overdue in WEB?": { keys: ["WEB-4", "WEB-9"] },
  "検収待ちのものを、担当者に関係なく見せて。": { keys: ["WEB-4", "OPS-3"] },
  "What is due this week, most urgent first?": {
    keys: ["WEB-9", "OPS-1", "WEB-4", "WEB-11", "OPS-7", "MOBILE-1"],
  },
  "担当者が決まっていない課題は?": {
    keys: ["MOBILE-4", "OPS-5", "WEB-7", "OLD_2019-2"],
  },
  "Which High issues have no due date, closed or not?": { keys: ["MOBILE-3"] },
  "Which WEB bugs have the severity S1, whoever has them?": { keys: ["WEB-5"] },
  "What did 伊藤 健 report this month?": {
    keys: [
      ...["WEB-3", "WEB-5", "OPS-1", "WEB-1", "WEB-4", "OPS-3", "WEB-14"],
      ...["OPS-7", "OPS-6"],
    ],
  },
  "What did I do this week?": {
    keys: ["MOBILE-4", "WEB-12", "WEB-5"],
    lines: [
      "2026-11-21 01:00 · Hana Mori · created",
      "- custom field Severity: S2 → S1",
    ],
  },
  "金曜から自分の課題で何があった?": {
    keys: ["WEB-12", "OPS-1"],
    lines: ["> 期限を過ぎています。"],
  },
  "Who did what in MOBILE since the 18th?": {
    keys: ["MOBILE-4"],
    lines: ["2026-11-21 01:00 · Hana Mori · created"],
  },
  "WEB-12 の trace.txt には何が書いてある?": {
    lines: ["> The bytes of trace.txt."],
  },
  "What does this mean? https://your-space.backlog.com/view/WEB-12#comment-1102837840":
    { keys: ["WEB-12"] },
};

/** Runs a call of the README; its example host stands for the sample space. */
async function run(tool: string, args: string) {
  await using space = startSampleSpace();
  await using connected = await connectInProcess(space, {
    now: new Date("2026-11-22T03:00:00Z"),
  });
  const given = args.replaceAll("https://your-space.backlog.com", space.url);
  return await connected.call(tool, JSON.parse(given));
}

describe("things people say, each answered by one call", () => {
  test("are those of the README's table", () => {
    const questions = QUESTIONS.map(({ question }) => question);
    expect(questions).toEqual(Object.keys(ANSWERS));
  });

  test.each(QUESTIONS)("$question", async ({ question, tool, args }) => {
    const { text, isError } = await run(tool, args);
    expect(isError ? text : "").toBe("");
    expect(text.length).toBeLessThan(6_000);
    const { keys, lines = [] } = ANSWERS[question] ?? {};
    const found = [...text.matchAll(/^(?:\| |# )([A-Z0-9_]+-\d+) /gm)];
    if (keys) expect(found.map(([, key]) => key ?? "")).toEqual(keys);
    expect(text.split("\n")).toEqual(expect.arrayContaining(lines));
    expect(text).not.toMatch(/^Next:/m);
    expect(JSON.parse(args).timezone).toBe("Asia/Tokyo");
  });

  test("the pasted comment is among what is shown", async () => {
    const comment = [...sampleData().comments.values()]
      .flat()
      .find(({ id }) => id === 1102837840);
    const { tool = "", args = "{}" } =
      QUESTIONS.find(({ args }) => args.includes("#comment-")) ?? {};
    const { text } = await run(tool, args);
    expect(text).toContain("#comment-1102837840 ");
    expect(text).toContain(`> ${comment?.content}`);
  });

  test("none of them names a number but in a comment's link", () => {
    for (const { args } of QUESTIONS) expect(args).not.toMatch(/_ids|\[\d/);
  });
});
