import { describe, expect, test } from "bun:test";
import {
  addThread,
  largeData,
  type SpaceData,
  sampleData,
} from "../sample-space/data.ts";
import { startSampleSpace } from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { type Call, QUESTIONS, toDepth } from "../scripts/questions.ts";
import { sizeOf } from "../text.ts";

// Far above what lies between requests that are sent at once.
const LATENCY_MS = 100;

/** What a call asks of Backlog, and its text. */
async function answer(data: SpaceData, call: Call) {
  await using space = startSampleSpace({ data, latencyMs: LATENCY_MS });
  const userId = `${data.me}`;
  await using server = await connectInProcess(space, { userId });
  const { text, isError } = await server.call(...call);
  expect(isError).toBe(false);
  const { requests } = space;
  return { text, requests: requests.length, depth: toDepth(requests) };
}

function list(data: SpaceData, args: Record<string, unknown> = {}) {
  return answer(data, ["get_user_issue_list", args]);
}

describe("each everyday question: requests, round trips, tokens at most", () => {
  const costs: [string, requests: number, depth: number, tokens: number][] = [
    ["My open issues, in 60 projects", 3, 1, 1_600],
    ["The same with custom statuses", 4, 2, 1_600],
    ["An ordinary issue", 4, 1, 450],
    ["An issue with 350 comments", 6, 3, 10_000],
    ["An issue with parent and children", 6, 2, 330],
    ["450 matching issues", 6, 2, 10_000],
  ];
  test.each(costs)("%s: %d, %d, %d", async (name, requests, depth, tokens) => {
    const found = QUESTIONS.find((question) => question.name === name);
    if (!found) throw new Error(`No question is "${name}".`);
    const cost = await answer(found.data(), found.call);
    expect(cost).toMatchObject({ requests, depth });
    expect(sizeOf(cost.text).tokens).toBeLessThan(tokens);
  });

  test("and none is left out here", () => {
    const names = QUESTIONS.map(({ name }) => name);
    expect(costs.map(([name]) => name)).toEqual(names);
  });
});

describe("the default list", () => {
  test("has rows of under 45 tokens", async () => {
    const count = async (issues: number) => {
      const data = largeData({ projects: 1, issues, closedShare: 0 });
      return sizeOf((await list(data)).text).tokens;
    };
    expect(((await count(100)) - (await count(10))) / 90).toBeLessThan(45);
  });
});

describe("an issue: requests, round trips, tokens, and where its next call is", () => {
  const long = (n: number) => `${n}. ${"Measured again. ".repeat(130)}`;
  const short = undefined;
  test.each([
    ["no comments", 0, short, 4, 1, 110, -1],
    ["20 comments", 20, short, 4, 1, 900, -1],
    ["100 comments, a full page", 100, short, 5, 2, 4_100, -1],
    ["350 comments", 350, short, 6, 3, 9_000, 200],
    ["350 long comments", 350, long, 4, 1, 9_000, 200],
  ])("%s", async (_, count, text, requests, depth, tokens, next) => {
    const data = sampleData();
    addThread(data, "WEB-7", count, text ? { text } : {});
    const cost = await answer(data, [
      "get_issue_details",
      { issue_key: "WEB-7" },
    ]);
    expect(cost).toMatchObject({ requests, depth });
    expect(sizeOf(cost.text).tokens).toBeLessThan(tokens);
    const place = cost.text.indexOf("Older: issue_key ");
    expect(next < 0 ? place < 0 : place > 0 && place < next).toBe(true);
  });
});
