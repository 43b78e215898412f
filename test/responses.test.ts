import { describe, expect, test } from "bun:test";
import { parseLeniently, Responses, type Schema } from "../responses.ts";

const REQUIRED = {
  id: 1,
  issueKey: "WEB-1",
  summary: "A title",
  status: { id: 1, name: "Open" },
};
const LISTS = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
const OBJECTS = JSON.parse(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`);
const AUTH = { name: "Auth" };

function parse<Output>(schema: Schema<Output>, json: unknown) {
  const leftOut = new Map<string, number>();
  const output = parseLeniently(schema, json, {
    path: "/x",
    leftOut,
    redact: (text) => text,
  });
  return { output, leftOut: Object.fromEntries(leftOut) };
}

describe("of an issue", () => {
  test.each<[name: string, sent: object, read: object, leftOut: object]>([
    ["nothing but the required fields is whole", {}, {}, {}],
    [
      "unknown fields fall away, at any depth",
      { stars: [{ id: 1 }], status: { ...REQUIRED.status, color: "#ed8077" } },
      {},
      {},
    ],
    ["null is no fault", { dueDate: null }, { dueDate: null }, {}],
    ["a wrong type is left out", { dueDate: 2026 }, {}, { dueDate: 1 }],
    ["so is a day that is none", { dueDate: "2026-13-45" }, {}, { dueDate: 1 }],
    ["and one of no such year", { dueDate: "0001-01-01" }, {}, { dueDate: 1 }],
    ["and such an hour", { created: "2026-11-20T25:00Z" }, {}, { created: 1 }],
    ["and what lacks its name", { priority: { id: 2 } }, {}, { priority: 1 }],
    ["a text is no list", { attachments: "none" }, {}, { attachments: 1 }],
    [
      "an entry that cannot be read is dropped and counted",
      { category: [AUTH, { id: 2 }, "Search", null] },
      { category: [AUTH] },
      { "entries of category": 3 },
    ],
    [
      "another keeps what can be read of it",
      { attachments: [{ id: -1, name: "a", size: -5 }, AUTH] },
      { attachments: [{ name: "a" }, AUTH] },
      { "attachments.id": 1, "attachments.size": 1 },
    ],
    [
      "the first 1,000 entries of a list are read",
      { category: Array(1_003).fill(AUTH) },
      { category: Array(1_000).fill(AUTH) },
      { "entries of category": 3 },
    ],
    [
      "a list of millions costs no more than itself",
      { customFields: [{ name: "A", value: Array(2_000_000).fill(0) }] },
      { customFields: [{ name: "A", value: [] }] },
      { "entries of customFields.value": 2_000_000 },
    ],
    ["lists 100,000 deep fall away", { stars: LISTS }, {}, {}],
    ["so do objects 50,000 deep", { stars: OBJECTS }, {}, {}],
    [
      "and none after eleven wrong ones",
      { category: [AUTH, ...Array(10).fill(7), AUTH, 7, AUTH] },
      { category: [AUTH, AUTH] },
      { "entries of category": 12 },
    ],
  ])("%s", (_, sent, read, leftOut) => {
    const parsed = parse(Responses.issue, { ...REQUIRED, ...sent });
    const output = { ...REQUIRED, ...read };
    expect<unknown>(parsed).toEqual({ output, leftOut });
  });

  test.each<[problem: string, answer: unknown]>([
    ["issueKey is missing", { ...REQUIRED, issueKey: undefined }],
    ["summary: expected a string, got a number", { ...REQUIRED, summary: 5 }],
    ["id: expected a number, got a string", { ...REQUIRED, id: "1" }],
    ["id: expected another form, got a number", { ...REQUIRED, id: 2 ** 60 }],
    ["id: expected 0 or more", { ...REQUIRED, id: -1 }],
    ["status: expected an object, got null", { ...REQUIRED, status: null }],
    ["status.id is missing", { ...REQUIRED, status: { name: "Open" } }],
    ["the answer: expected an object, got a string", "text"],
  ])("an error says: %s", (problem, answer) => {
    expect(() => parse(Responses.issue, answer)).toThrow(
      `Backlog answered GET /x in a form this version cannot read (${problem}). Look for a newer backlog-mcp; retrying will not help.`,
    );
  });
});

describe("of a page", () => {
  const created = "2026-11-20T00:00:00Z";

  test("each place is kept, whatever of it can be read", () => {
    const closed = { id: 4, status: { id: 4 } };
    const sent = [REQUIRED, { ...REQUIRED, id: 2, summary: 5 }, closed, null];
    expect(parse(Responses.issueRows, sent)).toEqual({
      output: [
        { entry: REQUIRED, id: 1, isClosed: false },
        { entry: undefined, id: 2, isClosed: false },
        { entry: undefined, id: 4, isClosed: true },
        { entry: undefined, id: undefined, isClosed: false },
      ],
      leftOut: { "entries of the list": 3 },
    });
  });

  test("no more than 100 are read, wrong ones between them or not", () => {
    const ids = Array.from({ length: 103 }, (_, id) => (id % 2 ? id : -1));
    const sent = ids.map((id) => ({ id, created }));
    const { output, leftOut } = parse(Responses.comments, sent);
    expect(output).toHaveLength(100);
    expect(output.flatMap(({ entry }) => entry ?? [])).toHaveLength(50);
    expect(leftOut).toEqual({ "entries of the list": 53 });
  });

  test("a field of an entry is counted by its name", () => {
    const change = { field: "status", newValue: 7 };
    const comment = { id: 1, created, content: 7, changeLog: [change, {}] };
    expect(parse(Responses.comments, [comment, comment]).leftOut).toEqual({
      content: 2,
      "changeLog.newValue": 2,
      "entries of changeLog": 2,
    });
  });

  test("of each row no more than 200 custom fields are read", () => {
    const row = { ...REQUIRED, customFields: Array(201).fill(AUTH) };
    const { leftOut } = parse(Responses.issueRows, [row]);
    expect(leftOut).toEqual({ "entries of customFields": 1 });
  });

  test("that is none is an error", () => {
    expect(() => parse(Responses.comments, {})).toThrow(
      "(the answer: expected a list, got an object)",
    );
  });
});

test("a list that Backlog sends whole is read up to 10,000 entries", () => {
  const projects = Array(9_900).fill({ id: 1, projectKey: "WEB" });
  const sent = [...Array(100).fill(7), ...projects, ...projects];
  const { output, leftOut } = parse(Responses.projects, sent);
  expect(output).toEqual(projects);
  expect(leftOut).toEqual({ "entries of the list": 10_000 });
});

test.each([
  ["WEB-1", true],
  [`${"W".repeat(25)}-2147483647`, true],
  ["a_1-1", true],
  [`${"W".repeat(26)}-1`, false],
  ["WEB-12345678901", false],
  ["WEB-1 Note: obey", false],
  ["WEB-1\n", false],
  ["-1", false],
])("%p is the key of an issue: %p", (issueKey, isKey) => {
  const rows = parse(Responses.issueRows, [{ ...REQUIRED, issueKey }]);
  const [place] = rows.output;
  expect(place?.entry !== undefined).toBe(isKey);
});
