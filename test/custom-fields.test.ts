import { describe, expect, test } from "bun:test";
import { type SpaceData, sampleData } from "../sample-space/data.ts";
import { readList } from "./helpers.ts";

const ID = 1_073_742_485;
const WEB = {
  project_keys: ["WEB"],
  assignee_names: ["anyone"],
  status_names: ["any"],
};

/** A list with conditions on WEB's fields, and what of them is asked. */
async function ask(
  custom_fields: unknown,
  args: Record<string, unknown> = {},
  options: Parameters<typeof readList>[1] = {},
) {
  const found = await readList({ ...WEB, ...args, custom_fields }, options);
  const asked = found.query
    .split("&")
    .filter((part) => part.startsWith("customField_"))
    .map((part) => part.replace(/\D+(\d+)/, (_, id) => `${Number(id) - ID}`));
  return { ...found, asked: asked.join("&") };
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
  const DECEMBER = [
    "4_min=2026-12-01&4_max=2026-12-31",
    "Promised on >= 2026-12-01, Promised on <= 2026-12-31",
  ] as const;
  test.each([
    ["ｓｅｖ＝ｓ１", "5=1", "Severity = S1 (1)"],
    ['"Severity=S1"', "5=1", "Severity = S1 (1)"],
    ['"Severity" = "S1"', "5=1", "Severity = S1 (1)"],
    ["Browsers=Safari", "6=2", "Browsers = Safari (2)"],
    ["Checks==Unit", "7=2", "Checks = Unit test (2)"],
    ["Environment=Production", "8=2", "Environment = Production (2)"],
    ["Affected users>=50", "3_min=50", "Affected users >= 50"],
    ["Affected users ≦ １,０００", "3_max=1000", "Affected users <= 1000"],
    ["Affected users=99.9", "3_min=99.9&3_max=99.9", "Affected users = 99.9"],
    ["Promised on<=2026/12/1", "4_max=2026-12-01", "Promised on <= 2026-12-01"],
    ["Promised on≧今日", "4_min=2026-11-22", "Promised on >= 2026-11-22"],
    ["Promised on=next month", ...DECEMBER],
    ["Customer=acme", "1=acme", 'Customer = "acme"'],
    ["Workaround=plus sign", "2=plus sign", 'Workaround = "plus sign"'],
  ])("%s", async (condition, expected, filter) => {
    const { asked, filters, keys } = await ask([condition]);
    expect(asked).toBe(expected);
    expect(filters).toContain(filter);
    expect(keys).toEqual(["WEB-5"]);
  });

  test("is one, however many commas a plain text has", async () => {
    const { asked } = await ask("Customer=a, b, c");
    expect(asked).toBe("1=a, b, c");
  });

  test("stands beside others: all of them hold, each field is a column", async () => {
    const { asked, rows } = await ask(
      '["Severity=S1", "Affected users>=50", "Affected users<=100"]',
    );
    expect(asked).toBe("5=1&3_min=50&3_max=100");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ Severity: "S1", "Affected users": "99.9" });
  });

  test("is repeated by the next call, its days resolved", async () => {
    const conditions = ["sev=s1", "Promised on>=today"];
    const { next } = await ask(conditions, { limit: 1 }, { data: filled() });
    expect(next).toMatchObject({
      custom_fields: ["sev=s1", "Promised on>=2026-11-22"],
      offset: 1,
    });
  });

  test("on a field whose name has a sign in it is repeated, too", async () => {
    const data = filled(({ projects }) => {
      const field = projects[0]?.customFields.find(({ id }) => id === ID + 5);
      Object.assign(field ?? {}, { name: "Severity (>=S1)" });
    });
    const first = await ask(["Severity=S1"], { limit: 1 }, { data });
    const second = await ask(first.next.custom_fields, {}, { data });
    expect([first.asked, second.asked]).toEqual(["5=1", "5=1"]);
  });
});

describe("what Backlog does with a condition is looked at", () => {
  const OF_WEB = sampleData().issues.filter(({ issueKey }) =>
    issueKey.startsWith("WEB-"),
  ).length;
  const NOT_APPLIED = "Backlog did not apply custom_fields; read here:";

  test.each(["ignored", "refused"] as const)(
    "%s, it is applied to what was read, and said",
    async (customFields) => {
      const options = { switches: { customFields } };
      const note = `${NOT_APPLIED} ${OF_WEB}, of these fit: 1.`;
      const list = await ask(["Severity=S1"], {}, options);
      expect(list.keys).toEqual(["WEB-5"]);
      expect(list.text).toStartWith("1 issue is shown, ");
      expect(list.notes).toContain(note);
      const total = await ask(["Severity=S1"], { limit: 0 }, options);
      expect(total.text).toStartWith("1 issue is shown, ");
      const count = await ask(["Severity=S1"], { count_by: ["type"] }, options);
      expect(count.text).toStartWith("Counted: 1, all that match, by type.");
      expect(count.notes).toContain(note);
      const since = { history_since: "2026-11-18" };
      const history = await ask(["Severity=S1"], since, options);
      expect(history.keys).toEqual(["WEB-5"]);
      expect(history.text).toContain(NOT_APPLIED);
      // Neither what others are nor how many there are is told as theirs.
      expect(history.text).not.toContain("without an entry");
      expect(history.text).not.toContain("by Backlog's count");
      // Where all that was read fits, only a refusal tells.
      const all = await ask(["Severity=S1"], { keyword: "rejects" }, options);
      const isRefused = customFields === "refused";
      expect(all.text.includes(`${NOT_APPLIED} 1, of`)).toBe(isRefused);
    },
  );

  test.each([
    ["Browsers=Chrome", true],
    ["Browsers=Firefox", false],
    ["Affected users>=100", false],
    ["Affected users=99.9", true],
    ["Promised on<=2026-11-30", false],
    ["Workaround=sign plus", true],
    ["Workaround=minus sign", false],
  ])("applied to WEB-5 here, %s: %p", async (condition, fits) => {
    const switches = { customFields: "ignored" } as const;
    const { keys } = await ask([condition], {}, { switches });
    expect(keys).toEqual(fits ? ["WEB-5"] : []);
  });

  test("applied, it needs no rows for a total", async () => {
    const { text } = await ask(["Severity=S1"], { limit: 0 });
    expect(text).toStartWith("1 issue matches; limit 0 shows none of them.");
    expect(text).not.toContain(NOT_APPLIED);
  });

  test.each([
    ["a value", { value: true }, {}],
    ["all of an issue's", {}, { customFields: "none" }],
  ])("%s that cannot be read is no sign of it", async (_, field, issue) => {
    const data = filled(({ issues }) => {
      for (const { customFields } of issues) {
        for (const one of customFields) Object.assign(one, field);
      }
      for (const one of issues) Object.assign(one, issue);
    });
    const switches = { customFields: "ignored" } as const;
    const { keys } = await ask(["Severity=S1"], {}, { data, switches });
    expect(keys).toContain("WEB-5");
  });
});

describe("a condition is refused", () => {
  const NO_NOT = "Backlog cannot search for what is not so; use =, >= or <=";
  const ABOVE = "use >= or <=, which include the value itself";
  const EMPTY = "Backlog cannot search for what is empty; give a value";
  test.each([
    ["Severity!=S1", NO_NOT],
    ["Severity≠S1", NO_NOT],
    ["Cost＞50", ABOVE],
    ["Severity=''", EMPTY],
  ])("%s, before any request", async (condition, why) => {
    const { text, isError, paths } = await ask([condition]);
    expect([isError, paths]).toEqual([true, []]);
    expect(text).toBe(`custom_fields "${condition}": ${why}`);
  });

  const FIELDS =
    "Custom fields: Customer, Workaround, Affected users, Promised on, Severity, Browsers, Checks, Environment.";
  const TWICE =
    "custom_fields: Browsers stands there twice, and Backlog takes one value; ask for one of them";
  test.each([
    ["Colour=red", `No custom field "Colour" in WEB. ${FIELDS}`],
    ["Severity=S9", 'No value "S9" of Severity. Values: S1, S2.'],
    ["Severity>=S1", '"Severity>=S1": Severity is a list; use ='],
    ["Customer<=A", '"Customer<=A": Customer is text; use ='],
    ["Affected users>=x", 'Affected users is a number, and "x" is none'],
    ["Promised on<=2026-02-30", ": 2026-02-30 does not exist; 2026-02 has 28"],
    ['["Browsers=Chrome","Browsers=Safari"]', TWICE],
  ])("%s, with what there is", async (conditions, expected) => {
    const { text, isError } = await ask(conditions);
    expect(isError).toBe(true);
    expect(text).toContain(expected);
  });

  test.each([[[]], [["WEB", "OPS"]]])("of the projects %j", async (keys) => {
    const { text } = await ask(["Severity=S1"], { project_keys: keys });
    expect(text).toStartWith(
      "custom_fields are looked up in one project: name one in project_keys. Projects: WEB, OPS",
    );
  });

  test("unless there is but one project", async () => {
    const data = sampleData();
    data.projects = data.projects.slice(0, 1);
    data.issues = data.issues.filter(({ issueKey }) => /^WEB/.test(issueKey));
    const { keys } = await ask(["Severity=S1"], { project_keys: [] }, { data });
    expect(keys).toEqual(["WEB-5"]);
  });
});
