import { describe, expect, test } from "bun:test";
import { sampleData } from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { ROOT } from "../scripts/build.ts";
import { connectInProcess } from "../scripts/connect.ts";

const README = await Bun.file(`${ROOT}/README.md`).text();

/** The rows of the README's table, each a question and its call. */
const [, section = ""] = README.split(/^## Ten questions$/m);
const [table = ""] = section.split(/^## /m);
const QUESTIONS = [
  ...table.matchAll(/^\| ([^|]+?) \| `(\w+) (\{.*\})` \|$/gm),
].map(([, question = "", tool = "", args = ""]) => ({ question, tool, args }));

/** What the sample space has to answer, on 22 November 2026. */
const ANSWERS: Record<string, string[]> = {
  "What of mine is overdue in WEB?": ["WEB-4", "WEB-9"],
  "What is waiting for 検収, whoever has it?": ["WEB-4", "OPS-3"],
  "Which bugs of the last week are still open?": ["WEB-8"],
  "What does this mean? https://your-space.backlog.com/view/WEB-12#comment-1102837840":
    ["WEB-12"],
  "What did 伊藤 健 report this month?": [
    "WEB-3",
    "WEB-5",
    "OPS-1",
    "WEB-1",
    "WEB-4",
    "OPS-3",
    "WEB-14",
    "OPS-7",
    "OPS-6",
  ],
  "What is due in OPS next week?": ["OPS-3"],
  "Show me all children of WEB-1, closed ones too.": [
    "WEB-3",
    "WEB-4",
    "WEB-2",
  ],
  "Everything planned for v1.2, whoever has it, please.": [
    "MOBILE-2",
    "MOBILE-1",
    "WEB-13",
  ],
  "What has changed in WEB since yesterday?": ["WEB-3", "WEB-12"],
  "Which high-priority issues about the login are not closed?": [
    "WEB-5",
    "WEB-1",
  ],
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

describe("ten things people say, each answered by one call", () => {
  test("the README's table has these ten", () => {
    expect(QUESTIONS.map(({ question }) => question)).toEqual(
      Object.keys(ANSWERS),
    );
    expect(QUESTIONS).toHaveLength(10);
  });

  test.each(QUESTIONS)("$question", async ({ question, tool, args }) => {
    const { text, isError } = await run(tool, args);
    expect(isError).toBe(false);
    const keys = [...text.matchAll(/^(?:\| |# )([A-Z0-9_]+-\d+) /gm)];
    expect(keys.map(([, key]) => key ?? "")).toEqual(ANSWERS[question] ?? []);
    expect(text).not.toMatch(/^Next:/m);
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
