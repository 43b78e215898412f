import { describe, expect, test } from "bun:test";
import { type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";

const ID = 1_073_742_485;
const EVERYTHING = { assignee_names: ["anyone"], status_names: ["any"] };

/** A list with conditions on WEB's fields: what it asks, says and shows. */
async function ask(
  custom_fields: unknown,
  args: Record<string, unknown> = {},
  options: SampleSpaceOptions = {},
) {
  await using space = startSampleSpace(options);
  await using server = await connectInProcess(space);
  const { text, isError } = await server.list({
    project_keys: ["WEB"],
    ...EVERYTHING,
    ...args,
    custom_fields,
  });
  const { query = "" } =
    space.requests.find(({ path }) => path === "/issues") ?? {};
  return {
    text,
    isError,
    paths: space.requests.map(({ path }) => path),
    query: query.split("&").filter((part) => part.startsWith("custom")),
    filters: /^Filters: (.*)\.$/m.exec(text)?.[1]?.split("; ") ?? [],
    next: JSON.parse(/^Next: \S+ (.*)$/m.exec(text)?.[1] ?? "{}"),
    keys: [...text.matchAll(/^\| ([A-Z]+-\d+) /gm)].map(([, key]) => key),
  };
}

/** The sample space, in which every bug of WEB has the fields of WEB-5. */
function filled(change: (data: SpaceData) => void = () => undefined) {
  const data = sampleData();
  const { customFields = [] } =
    data.issues.find(({ issueKey }) => issueKey === "WEB-5") ?? {};
  for (const issue of data.issues) {
    if (issue.customFields.length > 0) issue.customFields = customFields;
  }
  change(data);
  return data;
}

describe("a condition on a custom field", () => {
  test.each<[condition: string, query: string[], filter: string]>([
    ["Severity=S1", [`${ID + 5}=1`], "Severity = S1 (1)"],
    ["ｓｅｖ＝ｓ１", [`${ID + 5}=1`], "Severity = S1 (1)"],
    ['"Severity=S1"', [`${ID + 5}=1`], "Severity = S1 (1)"],
    ['"Severity" = "S1"', [`${ID + 5}=1`], "Severity = S1 (1)"],
    ["Browsers=Safari", [`${ID + 6}=2`], "Browsers = Safari (2)"],
    ["Checks==Unit", [`${ID + 7}=2`], "Checks = Unit test (2)"],
    ["Environment=Production", [`${ID + 8}=2`], "Environment = Production (2)"],
    ["Affected users>=50", [`${ID + 3}_min=50`], "Affected users >= 50"],
    [
      "Affected users ≦ １,０００",
      [`${ID + 3}_max=1000`],
      "Affected users <= 1000",
    ],
    [
      "Affected users=99.9",
      [`${ID + 3}_min=99.9`, `${ID + 3}_max=99.9`],
      "Affected users = 99.9",
    ],
    [
      "Promised on<=2026/12/1",
      [`${ID + 4}_max=2026-12-01`],
      "Promised on <= 2026-12-01",
    ],
    [
      "Promised on≧今日",
      [`${ID + 4}_min=2026-11-22`],
      "Promised on >= 2026-11-22",
    ],
    [
      "Promised on=next month",
      [`${ID + 4}_min=2026-12-01`, `${ID + 4}_max=2026-12-31`],
      "Promised on >= 2026-12-01, Promised on <= 2026-12-31",
    ],
    ["Customer=acme", [`${ID + 1}=acme`], 'Customer = "acme"'],
    [
      "Workaround=plus sign",
      [`${ID + 2}=plus sign`],
      'Workaround = "plus sign"',
    ],
  ])("%s", async (condition, query, filter) => {
    const found = await ask([condition]);
    expect(found.query).toEqual(query.map((part) => `customField_${part}`));
    expect(found.filters).toContain(filter);
    expect(found.keys).toEqual(["WEB-5"]);
  });

  test("is one, however many commas a plain text has", async () => {
    const { query } = await ask("Customer=a, b, c");
    expect(query).toEqual([`customField_${ID + 1}=a, b, c`]);
  });

  test("stands beside others: all of them hold, each field is a column", async () => {
    const { query, text } = await ask(
      '["Severity=S1", "Affected users>=50", "Affected users<=100"]',
    );
    expect(query).toHaveLength(3);
    expect(text).toContain(
      "| Due | Severity | Affected users | Updated |\n|---|---|---|---|---|---|---|---|---|---|\n| WEB-5 ",
    );
    expect(text).toContain(" | S1 | 99.9 | ");
  });

  test("is repeated by the next call, its days resolved", async () => {
    const { next } = await ask(
      ["sev=s1", "Promised on>=today"],
      { limit: 1 },
      { data: filled() },
    );
    expect(next).toMatchObject({
      custom_fields: ["Severity=S1", "Promised on>=2026-11-22"],
      offset: 1,
    });
  });

  test("is looked up by the project's key, before its ID is known", async () => {
    const { paths } = await ask(["Severity=S1"]);
    expect(paths.filter((path) => path.endsWith("/customFields"))).toEqual([
      "/projects/WEB/customFields",
    ]);
  });
});

describe("what Backlog does with a condition is looked at", () => {
  const OF_WEB = sampleData().issues.filter(({ issueKey }) =>
    issueKey.startsWith("WEB-"),
  ).length;
  const NOT_APPLIED = "Note: Backlog did not apply custom_fields: of";

  test.each(["ignored", "refused"] as const)(
    "%s, it is applied to what was read, and said",
    async (customFields) => {
      const options = { switches: { customFields } };
      const list = await ask(["Severity=S1"], {}, options);
      expect(list.keys).toEqual(["WEB-5"]);
      expect(list.text).toStartWith("1 issue is shown, ");
      const note = `${NOT_APPLIED} ${OF_WEB} issues read here, 1 fit.`;
      expect(list.text).toContain(note);
      const count = await ask(["Severity=S1"], { count_by: ["type"] }, options);
      expect(count.text).toStartWith("Counted: 1, all that match, by type.");
      expect(count.text).toContain(note);
      const since = { history_since: "2026-11-18" };
      const history = await ask(["Severity=S1"], since, options);
      expect(history.keys).toEqual(["WEB-5"]);
      expect(history.text).toContain(NOT_APPLIED);
    },
  );

  test("refused where the total alone is asked for, the refusal is told", async () => {
    const { text, isError } = await ask(
      ["Severity=S1"],
      { limit: 0 },
      { switches: { customFields: "refused" } },
    );
    expect(isError).toBe(true);
    expect(text).toContain("400");
  });

  test("a value that cannot be read is no sign that it was ignored", async () => {
    const data = filled((space) => {
      for (const { customFields } of space.issues) {
        for (const field of customFields) Object.assign(field, { value: true });
      }
    });
    const { text } = await ask(
      ["Severity=S1"],
      {},
      { data, switches: { customFields: "ignored" } },
    );
    expect(text).toContain(" | ? | ");
  });
});

describe("a condition is refused", () => {
  test.each([
    [
      "Severity",
      'custom_fields "Severity": give a field, =, >= or <=, and a value, as in "Cost>=100"',
    ],
    [
      "Severity!=S1",
      'custom_fields "Severity!=S1": Backlog cannot search for what is not so; use =, >= or <=',
    ],
    [
      "Severity≠S1",
      'custom_fields "Severity≠S1": Backlog cannot search for what is not so; use =, >= or <=',
    ],
    [
      "Affected users>50",
      'custom_fields "Affected users>50": use >= or <=, which include the value itself',
    ],
    [
      'Severity=""',
      'custom_fields "Severity=\\"\\"": Backlog cannot search for what is empty; give a value',
    ],
  ])("%s, before any request", async (condition, expected) => {
    const { text, isError, paths } = await ask([condition]);
    expect({ text, isError, paths }).toEqual({
      text: expected,
      isError: true,
      paths: [],
    });
  });

  test.each([
    [
      "Colour=red",
      'No custom field "Colour" in WEB. Custom fields: Customer, Workaround, Affected users, Promised on, Severity, Browsers, Checks, Environment.',
    ],
    ["Severity=S9", 'No value "S9" of Severity. Values: S1, S2.'],
    ["Severity>=S1", 'custom_fields "Severity>=S1": Severity is a list; use ='],
    ["Customer<=A", 'custom_fields "Customer<=A": Customer is text; use ='],
    [
      "Affected users>=many",
      'custom_fields "Affected users>=many": Affected users is a number, and "many" is none',
    ],
    [
      "Promised on<=2026-02-30",
      'custom_fields "Promised on<=2026-02-30": 2026-02-30 does not exist; 2026-02 has 28 days',
    ],
  ])("%s, with what there is", async (condition, expected) => {
    const { text, isError } = await ask([condition]);
    expect({ text, isError }).toEqual({ text: expected, isError: true });
  });

  test("that asks twice for one field", async () => {
    const { text } = await ask(["Browsers=Chrome", "Browsers=Safari"]);
    expect(text).toBe(
      "custom_fields: Browsers stands there twice, and Backlog takes one value; ask for one of them",
    );
  });

  test.each([
    ["no project", []],
    ["two projects", ["WEB", "OPS"]],
  ])("with %s named", async (_name, project_keys) => {
    const { text } = await ask(["Severity=S1"], { project_keys });
    expect(text).toStartWith(
      "custom_fields are looked up in one project: name one in project_keys. Projects: WEB, OPS",
    );
  });

  test("unless there is but one project", async () => {
    const data = sampleData();
    data.projects = data.projects.slice(0, 1);
    data.issues = data.issues.filter(({ issueKey }) =>
      issueKey.startsWith("WEB-"),
    );
    const { keys } = await ask(["Severity=S1"], { project_keys: [] }, { data });
    expect(keys).toEqual(["WEB-5"]);
  });
});
