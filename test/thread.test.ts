import { describe, expect, test } from "bun:test";
import { addThread, type SpaceData, sampleData } from "../sample-space/data.ts";
import type { SampleSpaceOptions } from "../sample-space/server.ts";
import { ANSWER_SIZE, add, fits, sizeOf } from "../text.ts";
import {
  type Comment,
  changeOf,
  commentsOf,
  idsOf,
  issueOf,
  passOn,
  quotedAfter,
  readIssue,
  withIssue,
  withThread,
} from "./helpers.ts";

/** A thread of one comment on WEB-7 that makes these changes. */
function withChanges(...changes: Parameters<typeof changeOf>[]): SpaceData {
  const data = withThread(1);
  const changeLog = changes.map((change) => changeOf(...change));
  for (const comment of commentsOf(data, "WEB-7")) {
    Object.assign(comment, { changeLog });
  }
  return data;
}

describe("the timeline", () => {
  const custom = { attributeInfo: { id: 1, typeId: "3" } };
  const ofDay = { attributeInfo: { id: 1, typeId: "4" } };
  const DAY = "2026-11-20T00:00:00Z";
  // Whether its name stands there twice is not documented.
  const file = { attachmentInfo: { id: 1, name: "trace.txt" } };
  const CHANGES: [line: string, change: Parameters<typeof changeOf>][] = [
    ["start date: 2026-11-01 → none", ["startDate", "2026/11/01", null]],
    ["title: Old title → New title", ["summary", "Old title", "New title"]],
    ["estimated hours: none → 49", ["estimatedHours", null, "49"]],
    ["parent issue: none → WEB-1", ["parentIssue", null, "WEB-1"]],
    ["type: Bug → Task", ["issueType", "Bug", "Task"]],
    ["category: Auth → Checkout", ["component", "Auth", "Checkout"]],
    ["assignee: Hana Mori → nobody", ["assigner", "Hana Mori", ""]],
    ["status: Open → Closed", ["status", "Open", "Closed"]],
    ["custom field status: 1 → 49", ["status", "1", "49", custom]],
    ["custom field By: none → 2026-11-20", ["By", null, DAY, ofDay]],
    ['"a → b": "c → d" → e', ["a → b", "c → d", "e"]],
    ['custom field "a → b": 1 → 2', ["a → b", "1", "2", custom]],
    ["attachment: none → trace.txt", ["attachment", null, null, file]],
    ["notification", ["notification", null, null]],
    ["constructor: a → b", ["constructor", "a", "b"]],
    // It stands above already, and what it was may be as long.
    ["description changed", ["description", "long ".repeat(61), "short"]],
  ];
  test("tells each kind of change", async () => {
    const data = withChanges(...CHANGES.map(([, change]) => change));
    const { text, requests } = await readIssue("WEB-7", { data });
    const [, entry = ""] = text.split("\n### ");
    const lines = [...entry.matchAll(/^- (.*)$/gm)].map(([, line]) => line);
    expect(lines).toEqual(CHANGES.map(([line]) => line));
    // Nothing else is asked for it, such as a status of that ID.
    expect(requests).toHaveLength(4);
  });

  // Only an ID that nothing else tells is worth a request.
  test.each([
    ["4", { id: 1, name: "Open" }, "Open → Closed", false],
    ["3", { id: 1, name: "未対応" }, "未対応 → 処理済み", false],
    ["49", { id: 1, name: "Open" }, "Open → Waiting for release", true],
    ["999", { id: 1, name: "Open" }, "Open → 999", true],
    ["49", { id: 49, name: "Held" }, "Open → Held", false],
  ])("tells status %s beside %o as %s: %p", async (to, own, line, isAsked) => {
    const data = withChanges(["status", "1", to]);
    const issue = issueOf(data, "WEB-7");
    const custom = { ...issue.status, id: 49, name: "Waiting for release" };
    data.projects[0]?.statuses.push(custom);
    Object.assign(issue, { status: own });
    const { text, requests } = await readIssue("WEB-7", { data });
    expect(text).toContain(`\n- status: ${line}\n`);
    const paths = requests.map(({ path }) => path);
    expect(paths.includes("/projects/WEB/statuses")).toBe(isAsked);
  });

  const MIDNIGHT = "2026-11-19T11:00:00Z";
  const field = { id: 1, fieldTypeId: 4, name: "Promised", value: MIDNIGHT };
  const noDay = { ...field, value: "Nov 20, 2026" };
  const never = { ...field, value: "2026-13-19T11:00:00Z" };
  test.each([
    ["- Due: 2026-11-20 (2 days overdue)", "", { dueDate: MIDNIGHT }, null],
    ["  - Promised: 2026-11-20", "", { customFields: [field] }, null],
    ["> 2026-11-20", "#field-1", { customFields: [field] }, null],
    ["  - Promised: Nov 20, 2026", "", { customFields: [noDay] }, null],
    [`  - Promised: ${never.value}`, "", { customFields: [never] }, null],
    ["- due date: 2026-11-20 → none", "", {}, MIDNIGHT],
  ])(
    "a midnight of the space's zone is that day: %s",
    async (line, fragment, facts, changed) => {
      const data = withChanges(["limitDate", changed, null]);
      data.space.timezone = "Pacific/Auckland";
      Object.assign(issueOf(data, "WEB-7"), facts);
      const { text } = await readIssue(`WEB-7${fragment}`, { data });
      expect(text).toContain(`\n${line}\n`);
    },
  );

  test("different people of one name are told apart wherever they stand", async () => {
    const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((id) => {
      return { id, userId: id < 5 ? `hana${id}` : null, name: "Hana" };
    });
    const data = withThread(2);
    const [first, second] = commentsOf(data, "WEB-7");
    Object.assign(first ?? {}, { createdUser: four });
    Object.assign(second ?? {}, { createdUser: five });
    const { id: parentIssueId } = issueOf(data, "WEB-6");
    Object.assign(issueOf(data, "WEB-6"), { assignee: three });
    const facts = { assignee: one, updatedUser: two, parentIssueId };
    Object.assign(issueOf(data, "WEB-7"), facts);
    const { text } = await readIssue("WEB-7", { data });
    expect(text.match(/^.*Hana \(.*?\)/gm)).toEqual([
      "- Assignee: Hana (hana1)",
      expect.stringMatching(/^- Updated: .* by Hana \(hana2\)$/),
      "- Parent: WEB-6 [Open] Hana (hana3)",
      expect.stringMatching(/^### .* · Hana \(hana4\)$/),
      expect.stringMatching(/^### .* · Hana \(ID 5\)$/),
    ]);
  });

  test("whom a text mentions is named where the answer knows the person", async () => {
    const { createdUser } = issueOf(sampleData(), "WEB-7");
    const mention = `<@U${createdUser.id}> please, <@U1> and <@T${createdUser.id}> too`;
    const data = withThread(1, () => mention);
    issueOf(data, "WEB-7").description = mention;
    const { text } = await readIssue("WEB-7", { data });
    const named = `> @${createdUser.name} please, <@U1> and <@T${createdUser.id}> too\n`;
    expect(text.split(named)).toHaveLength(3);
  });
});

/** A thread on WEB-7, and the IDs of all its comments. */
function threadOf(...options: Parameters<typeof withThread>) {
  const data = withThread(...options);
  return { data, all: idsOf(data, "WEB-7") };
}

/** Texts of which every so many is none, but a mere change. */
function saidBut(every: number) {
  return (n: number) => (n % every === 0 ? undefined : `${REMARK} ${n}`);
}

const REMARK = "Measured again on staging, with the cache and without it.";
const JAPANESE = "キャッシュを有効にして本番でもう一度計測しました。";

/** But for the longest comment here, and what is kept to say what is missing. */
function expectFull(text: string) {
  const spare = { characters: 4_300, tokens: 2_300 };
  expect(fits(sizeOf(text), ANSWER_SIZE)).toBe(true);
  expect(fits(add(sizeOf(text), spare), ANSWER_SIZE)).toBe(false);
}

describe("a thread longer than an answer", () => {
  test.each([
    ["in ASCII", 1_234, (n: number) => `${REMARK} ${n}`],
    ["in Japanese", 1_234, (n: number) => `${JAPANESE}${n}`],
    ["in long comments", 200, (n: number) => `${n}. ${JAPANESE.repeat(40)}`],
  ])(
    "%s shows the newest whole comments that fit, and reads at most a page more",
    async (_, count, text) => {
      const { data, all } = threadOf(count, text);
      const answer = await readIssue("WEB-7", { data });
      const shown = answer.ids.length;
      expect(shown).toBeGreaterThan(5);
      expect(answer.ids).toEqual(all.slice(-shown));
      expect(answer.account).toBe(
        `Backlog counts ${count}; the newest ${shown} are shown below.`,
      );
      expect(answer.older).toBe(`WEB-7#comment-${answer.ids[0]}-older`);
      expect(answer.text).not.toContain("(Characters ");
      expectFull(answer.text);
      const pages = answer.requests.filter(({ query }) => /order/.test(query));
      expect(pages).toHaveLength(Math.floor(shown / 100) + 1);
    },
  );
});

describe("a long text", () => {
  const LINES = Array.from(
    { length: 2_500 },
    (_, n) =>
      `${n}. ${n % 3 === 0 ? JAPANESE : REMARK}${n % 7 === 1 ? "\n" : ""}`,
  ).join("\n");
  const describedBy = (description: string) =>
    withIssue("WEB-7", (issue) => Object.assign(issue, { description }));
  const withField = (value: string) =>
    withIssue("WEB-7", (issue) => {
      issue.customFields = [{ id: 12, fieldTypeId: 2, name: "Log", value }];
    });

  test.each([
    ["description", LINES, "description", describedBy, "\n## "],
    ["custom field", JAPANESE.repeat(1_500), "field-12", withField, "\n## "],
    [
      "comment",
      "🙏🔑".repeat(12_000),
      `comment-${idsOf(withThread(1), "WEB-7")[0]}`,
      (text: string) => withThread(1, () => text),
      " · asked for",
    ],
  ])(
    "in a %s is read to its end, every character once",
    async (_, whole, fragment, put, above) => {
      const start = `WEB-7#${fragment}`;
      const data = put(whole);
      let read = "";
      for (let next: string | undefined = start; next !== undefined; ) {
        const { text } = await readIssue(next, { data });
        expect(fits(sizeOf(text), ANSWER_SIZE)).toBe(true);
        const part = quotedAfter(text, read === "" ? above : "\n## ");
        const notice = `\n(Characters ${read.length + 1} to ${read.length + part.length} of ${whole.length}.`;
        expect(text).toContain(notice);
        const [, more = ""] = text.split(notice);
        [, next] = /^ More: issue_key (.*)\)$/m.exec(more) ?? [];
        if (next) expect(next).toStartWith(`${start}-`);
        if (next) expectFull(text);
        read += part;
      }
      expect(read === whole).toBe(true);
    },
  );

  test("of a comment goes on in one request for the issue, and one for it", async () => {
    const data = withThread(30, () => LINES);
    const [comment, next] = commentsOf(data, "WEB-7").slice(3);
    const id = comment?.id ?? 0;
    // The neighbour that an inclusive page holds besides.
    Object.assign(next ?? {}, { id: id + 1 });
    const switches = { idsInclusive: true };
    const key = `WEB-7#comment-${id}-from-20001`;
    const { text, ids, requests } = await readIssue(key, { data, switches });
    expect(ids).toEqual([]);
    expect(text).toContain("\nThe whole issue: issue_key WEB-7\n");
    expect(text).toContain(`\n## Comment #comment-${id}\n> `);
    expect(requests.map(({ path }) => path).toSorted()).toEqual([
      "/issues/WEB-7",
      "/issues/WEB-7/comments",
    ]);
  });

  test("that a plain answer cuts at a line's end is said on top and where it stands", async () => {
    const data = withField(LINES);
    addThread(data, "WEB-7", 30, (n) => (n === 4 ? LINES : `${n}`));
    issueOf(data, "WEB-7").description = LINES;
    const { ids, text } = await readIssue("WEB-7", { data });
    expect(ids).toHaveLength(30);
    const [notice, ...others] = text.match(/Characters 1 to .*-\d+/g) ?? [];
    expect(text).toContain(`\nDescription: ${notice}\n`);
    expect(text).toMatch(/^Cut within, .*: 1 comment, 1 custom field\.$/m);
    const places = ["field-12", "description", `comment-${ids[3]}-from`];
    expect(others.map((one) => one.replace(/^.*#(.*)-\d+$/, "$1"))).toEqual(
      places,
    );
    expect(others[1]).toBe(notice);
    const quoted = quotedAfter(text, `#comment-${ids[3]} `);
    expect(LINES).toStartWith(`${quoted}\n`);
    expect(others[2]).toEndWith(`-${quoted.length + 1}`);
  });

  test("that is asked for comes before the comments, which are a key away", async () => {
    const data = describedBy(LINES);
    addThread(data, "WEB-7", 300);
    const { ids, account } = await readIssue("WEB-7#description", { data });
    expect(ids).toEqual([]);
    expect(account).toBe(
      "Backlog counts 300, none of which fits beside the description. They are at issue_key WEB-7",
    );
  });

  // The only entry of its thread, a change without a text.
  const [CHANGE] = idsOf(sampleData(), "WEB-1");
  test.each([
    [
      "WEB-5#description-900",
      "## Description\n(It has 106 characters, so none from 900 on. From the beginning: issue_key WEB-5#description)",
    ],
    ["WEB-7#description", "## Description\nnone"],
    ["WEB-7#field-99", "Note: There is no custom field 99 in WEB-7."],
    [
      `WEB-1#comment-${CHANGE}-from-5`,
      `## Comment #comment-${CHANGE}\n(It has 0 characters, so none from 5 on. From the beginning: issue_key WEB-1#comment-${CHANGE})`,
    ],
  ])("that is not there, %s, is said", async (key, expected) => {
    expect((await readIssue(key)).text).toContain(expected);
  });
});

describe("#comment-N", () => {
  test.each([
    ["centres on that comment", 900, ""],
    ["of the oldest says so", 0, "the oldest "],
    ["of the newest says so", 1_999, "the newest "],
  ])("%s", async (_, place, which) => {
    const { data, all } = threadOf(2_000);
    const key = `WEB-7#comment-${all[place]}`;
    const { ids, account, older, newer } = await readIssue(key, { data });
    const from = all.indexOf(ids[0] ?? 0);
    expect(ids).toEqual(all.slice(from, from + ids.length));
    const middle = from + ids.length / 2;
    if (which === "") expect(Math.abs(place - middle)).toBeLessThan(15);
    expect(account).toBe(
      `Backlog counts 2000; ${which}${ids.length} are shown below.`,
    );
    expect([older, newer]).toEqual([
      place === 0 ? undefined : `WEB-7#comment-${ids[0]}-older`,
      place === 1_999 ? undefined : `WEB-7#comment-${ids.at(-1)}-newer`,
    ]);
  });

  test.each([false, true])(
    "of a short thread shows all of it in five requests, idsInclusive %p",
    async (idsInclusive) => {
      const { data, all } = threadOf(30);
      for (const id of [all[0], all[15], all[29]]) {
        const { ids, account, requests } = await readIssue(
          `WEB-7#comment-${id}`,
          { data, switches: { idsInclusive } },
        );
        expect(ids).toEqual(all);
        expect(account).toBe("30, all shown below.");
        expect(requests).toHaveLength(5);
      }
    },
  );

  test("with a neighbour too long to be shown beside it has others on both sides", async () => {
    const giant = "a line of a log\n".repeat(1_800);
    const text = (n: number) => ["", giant.repeat(3), giant][n - 2] ?? `${n}`;
    const { data, all } = threadOf(5, text);
    const place = `WEB-7#comment-${all[2]}`;
    const { account, older, newer } = await readIssue(place, { data });
    expect(account).toBe("5; 1 is shown below.");
    expect([older, newer]).toEqual([`${place}-older`, `${place}-newer`]);
  });

  test("that is gone says so, and shows those around its place", async () => {
    const data = withThread(30);
    const [gone] = commentsOf(data, "WEB-7").splice(10, 1);
    const answer = await readIssue(`WEB-7#comment-${gone?.id}`, { data });
    expect(answer.ids).toEqual(idsOf(data, "WEB-7"));
    expect(answer.notes).toEqual([
      `There is no comment ${gone?.id} in WEB-7 now; those around its place are shown.`,
    ]);
    const { account, notes } = await readIssue("WEB-7#comment-12345");
    expect(account).toBe("none.");
    expect(notes).toEqual(["There is no comment 12345 in WEB-7 now."]);
  });

  test("that could not be read is not called gone", async () => {
    const { data, all } = threadOf(30);
    const { notes, ids, older } = await readIssue(`WEB-7#comment-${all[10]}`, {
      data,
      answer: ({ url }) =>
        url.includes("maxId=") ? new Response("", { status: 500 }) : undefined,
    });
    expect(ids).toEqual(all.slice(11));
    expect(older).toBe(`WEB-7#comment-${ids[0]}-older`);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toStartWith("Some comments could not be read: ");
  });
});

describe("a thread walked from either end and from the middle", () => {
  /** Follows one kind of line from a first key until there is none. */
  async function walk(
    start: string,
    line: "older" | "newer",
    options: SampleSpaceOptions,
  ) {
    const pages: number[][] = [];
    for (let next: string | undefined = start; next !== undefined; ) {
      const page = await readIssue(next, options);
      expect(fits(sizeOf(page.text), ANSWER_SIZE)).toBe(true);
      pages.push(page.ids);
      next = page[line];
      expect(pages.length).toBeLessThan(100);
    }
    return pages;
  }

  const lie = { countIncludesChanges: false };
  const big = (n: number) => `${n}\n${`${REMARK}\n`.repeat(300)}`;
  type Row = [number, (n: number) => string | undefined, object];
  test.each<Row>([
    [2_000, saidBut(9), {}],
    [2_000, saidBut(9), { idsInclusive: true, ...lie }],
    // Each is larger than its share.
    [3, big, {}],
    [4, big, {}],
    [5, big, {}],
    [30, big, {}],
  ])("brings each of %d once", async (count, text, switches) => {
    const { data, all } = threadOf(count, text);
    const options = { data, switches };
    const back = await walk("WEB-7", "older", options);
    expect(back.toReversed().flat()).toEqual(all);
    // Nothing is older than comment 1: the answer begins with the oldest.
    const forth = await walk("WEB-7#comment-1", "newer", options);
    expect(forth.flat()).toEqual(all);
    const start = `WEB-7#comment-${all[Math.floor(count / 2)]}`;
    const older = await walk(start, "older", options);
    const newer = await walk(start, "newer", options);
    expect(older.shift()).toEqual(newer[0] ?? []);
    expect([...older.toReversed(), ...newer].flat()).toEqual(all);
  });

  const { data, all } = threadOf(20);
  const counted = (which: string) => `Backlog counts 20; ${which} shown below.`;
  test.each([
    ["older", 5, counted("the oldest 5 are"), [`${all[4]}-newer`]],
    ["newer", 14, counted("the newest 5 are"), [`${all[15]}-older`]],
    ["older", 0, `none older than #comment-${all[0]}.`, []],
    ["newer", 19, `none newer than #comment-${all[19]}.`, []],
  ])("%s than %d, without facts: %s", async (way, place, account, back) => {
    const key = `WEB-7#comment-${all[place]}-${way}`;
    const { text, requests, ...found } = await readIssue(key, { data });
    expect(found.account).toBe(account);
    const ways = [found.older, found.newer].filter(Boolean);
    expect(ways).toEqual(back.map((one) => `WEB-7#comment-${one}`));
    expect(text).toContain("\nThe whole issue: issue_key WEB-7\n");
    expect(text).not.toContain("- Status:");
    const paths = requests.map(({ path }) => path);
    expect(paths).not.toContain("/issues/WEB-7/relatedIssues");
  });
});

describe("what is claimed is what was seen", () => {
  type Change = (rows: Comment[], all: number[]) => unknown[];
  const OF = (found: number, counted: number) =>
    `${found} found, though Backlog counts ${counted}`;

  /** A thread on WEB-7 whose pages are passed on as they are made to be. */
  function lying(count: number, change: Change) {
    const { data, all } = threadOf(count);
    const path = "/issues/WEB-7/comments";
    const answer = passOn<Comment>({ data }, path, (rows) => change(rows, all));
    return { all, read: (key = "WEB-7") => readIssue(key, { data, answer }) };
  }

  test.each([
    // One look behind the short page, since there should have been more.
    [20, 350, `${OF(20, 350)}, all shown below.`, 5],
    [20, 3, `${OF(20, 3)}, all shown below.`, 4],
    [0, 7, `${OF(0, 7)}.`, 5],
  ])(
    "%d comments of which Backlog counts %d: %s",
    async (count, counted, expected, cost) => {
      const { account, requests } = await readIssue("WEB-7", {
        data: withThread(count),
        answer: ({ url }, path) => {
          expect(url).not.toContain("Infinity");
          const isCount = path.endsWith("/count");
          return isCount ? Response.json({ count: counted }) : undefined;
        },
      });
      expect(account).toBe(expected);
      expect(requests).toHaveLength(cost);
    },
  );

  test("a full page is not the last, though Backlog counts no more", async () => {
    const { data } = threadOf(150, saidBut(3));
    const switches = { countIncludesChanges: false };
    const { account } = await readIssue("WEB-7", { data, switches });
    expect(account).toBe(`${OF(150, 100)}, all shown below.`);
  });

  const unreadable =
    (from: number): Change =>
    (page, ids) =>
      page.map((one) =>
        ids.indexOf(one.id) < from ? one : { ...one, created: "?" },
      );
  test.each<[string, number, Change, number, string]>([
    ["short pages", 70, (page) => page.slice(0, 20), 70, "70"],
    ["unreadable pages", 251, unreadable(151), 151, OF(151, 251)],
    ["an unreadable entry", 20, unreadable(19), 19, OF(19, 20)],
    ["equal IDs", 30, (page) => [...page, ...page.slice(0, 2)], 30, "30"],
  ])("%s do not end it: of %d", async (_, count, change, shown, told) => {
    const { all, read } = lying(count, change);
    const { ids, account } = await read();
    expect(ids).toEqual(all.slice(0, shown));
    expect(account).toBe(`${told}, all shown below.`);
    // Nor what lies beyond a page.
    const beyond = await read(`WEB-7#comment-${all[16]}-older`);
    expect(beyond.ids).toEqual(all.slice(0, 16));
  });

  test("entries without an ID end the walk, and the way from the other end is told", async () => {
    const { all, read } = lying(120, (page, ids) =>
      page.map((one) => (ids.indexOf(one.id) < 20 ? one : { ...one, id: "?" })),
    );
    const { account, notes } = await read();
    expect(account).toBe("none could be read (Backlog counts 120).");
    expect(notes.join()).toContain("issue_key WEB-7#comment-1-newer");
    const { ids } = await read("WEB-7#comment-1-newer");
    expect(ids).toEqual(all.slice(0, 20));
  });
});
