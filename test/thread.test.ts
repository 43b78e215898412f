import { describe, expect, test } from "bun:test";
import { addThread, type SpaceData, sampleData } from "../sample-space/data.ts";
import {
  type RecordedRequest,
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { connectInProcess } from "../scripts/connect.ts";
import { ANSWER_SIZE, add, fits, sizeOf } from "../text.ts";
import {
  type Comment,
  commentsOf,
  idsOf,
  issueOf,
  parseIssue,
  quotedAfter,
  readIssue,
  withThread,
} from "./helpers.ts";

/** How many comments the space sent, by the recorded queries. */
function countSent(
  requests: readonly RecordedRequest[],
  ids: readonly number[],
  { inclusive = false } = {},
): number {
  const edge = inclusive ? 0 : 1;
  return requests
    .filter(({ path }) => path.endsWith("/comments"))
    .map(({ query }) => {
      const sent = new URLSearchParams(query);
      const minId = Number(sent.get("minId") ?? 0);
      const maxId = Number(sent.get("maxId") ?? Number.POSITIVE_INFINITY);
      const matching = ids.filter(
        (id) => id >= minId + edge && id <= maxId - edge,
      );
      return Math.min(matching.length, Number(sent.get("count")));
    })
    .reduce((sum, count) => sum + count, 0);
}

/** Gives the only comment on WEB-7 one change. */
function change(
  data: SpaceData,
  field: string,
  originalValue: string | null,
  newValue: string | null,
): void {
  const [comment] = commentsOf(data, "WEB-7");
  const info = {
    attachmentInfo: null,
    attributeInfo: null,
    notificationInfo: null,
  };
  if (comment)
    comment.changeLog = [{ field, originalValue, newValue, ...info }];
}

describe("the timeline", () => {
  test("holds comments and changes, oldest first, with local time, ID and author", async () => {
    const { ids, text, account } = await readIssue({
      issue_key: "WEB-12",
      timezone: "Asia/Tokyo",
    });
    expect(ids).toEqual(idsOf(sampleData(), "WEB-12"));
    expect(account).toBe("48, all shown below.");
    expect(text).toContain(
      "### 2026-10-06 09:34 · #comment-1102837717 · Hana Mori\n> Measured on a train: 7.4 s until the button reacts.\n",
    );
    const times = [...text.matchAll(/^### (.{16}) /gm)].map(([, time]) => time);
    expect(times).toEqual(times.toSorted());
  });

  test.each([
    ["the status by its names", "- status: Open → In Progress"],
    ["assigner as assignee", "- assignee: nobody → Hana Mori"],
    ["limitDate as due date, in one form", "- due date: none → 2026-11-30"],
    ["component as category", "- category: Auth → Checkout"],
    ["the milestone", "- milestone: v1.2 → v1.3"],
    ["an attachment by its name", "- attachment: none → trace.txt"],
    ["a custom field as such", "- custom field Affected users: 80 → 99.9"],
    ["a notification without values", "- notification"],
  ])("tells %s", async (_name, line) => {
    const { text } = await readIssue("WEB-12");
    expect(text).toContain(`\n${line}\n`);
  });

  test.each([
    [
      "startDate",
      "2026/11/01",
      "2026-11-03",
      "start date: 2026-11-01 → 2026-11-03",
      false,
    ],
    [
      "limitDate",
      "2026-11-30T00:00:00Z",
      null,
      "due date: 2026-11-30 → none",
      false,
    ],
    [
      "summary",
      "Old title",
      "New title",
      "title: Old title → New title",
      false,
    ],
    ["estimatedHours", null, "3.5", "estimated hours: none → 3.5", false],
    ["parentIssue", null, "WEB-1", "parent issue: none → WEB-1", false],
    ["issueType", "Bug", "Task", "type: Bug → Task", false],
    ["version", "v1", "v2", "version: v1 → v2", false],
    ["assigner", "Hana Mori", "", "assignee: Hana Mori → nobody", false],
    ["status", "Open", "Closed", "status: Open → Closed", false],
    ["status", "1", "4", "status: Open → Closed", false],
    ["status", "1", "49", "status: Open → Waiting for release", true],
    ["status", "1", "999", "status: Open → 999", true],
    ["a → b", "c → d", "e", '"a → b": "c → d" → e', false],
  ])("tells %s from %s to %s as %s", async (field, from, to, line, asked) => {
    const data = withThread(1);
    change(data, field, from, to);
    data.projects[0]?.statuses.push({
      ...issueOf(data, "WEB-7").status,
      id: 49,
      name: "Waiting for release",
    });
    const { text, requests } = await readIssue("WEB-7", { data });
    expect(text).toContain(`\n- ${line}\n`);
    // Only an ID that nothing else tells is worth a request.
    const paths = requests.map(({ path }) => path);
    expect(paths.includes("/projects/WEB/statuses")).toBe(asked);
  });

  test("the standard statuses by ID are in the language of the issue's own", async () => {
    const data = withThread(1);
    issueOf(data, "WEB-7").status = {
      ...issueOf(data, "WEB-7").status,
      name: "未対応",
    };
    change(data, "status", "1", "3");
    const { text } = await readIssue("WEB-7", { data });
    expect(text).toContain("\n- status: 未対応 → 処理済み\n");
  });

  test("a day is the same in the facts and in the changes, in the space's zone", async () => {
    const data = withThread(1);
    data.space.timezone = "Pacific/Auckland";
    issueOf(data, "WEB-7").dueDate = "2026-11-19T11:00:00Z";
    change(data, "limitDate", "2026-07-19T12:00:00Z", "2026-11-19T11:00:00Z");
    const { text } = await readIssue("WEB-7", { data });
    expect(text).toContain("\n- Due: 2026-11-20 (2 days overdue)\n");
    expect(text).toContain("\n- due date: 2026-07-20 → 2026-11-20\n");
  });

  test("a day of a change alone is read in the space's zone, too", async () => {
    const data = withThread(1);
    data.space.timezone = "Pacific/Auckland";
    change(data, "startDate", null, "2026-11-19T11:00:00Z");
    const { text } = await readIssue("WEB-7", { data });
    expect(text).toContain("\n- start date: none → 2026-11-20\n");
  });

  test("different people of one name are told apart wherever they stand", async () => {
    const data = withThread(2);
    const [first, second] = commentsOf(data, "WEB-7");
    const issue = issueOf(data, "WEB-7");
    if (!first || !second) throw new Error("The thread has two comments.");
    first.createdUser = {
      ...issue.createdUser,
      id: 1,
      userId: "hana",
      name: "Hana Mori",
    };
    second.createdUser = {
      ...issue.createdUser,
      id: 2,
      userId: null,
      name: "Hana Mori",
    };
    issue.assignee = first.createdUser;
    const { text } = await readIssue("WEB-7", { data });
    expect(text).toContain("\n- Assignee: Hana Mori (hana)\n");
    expect(text).toMatch(/^### .* · Hana Mori \(hana\)$/m);
    expect(text).toMatch(/^### .* · Hana Mori \(ID 2\)$/m);
  });

  test("whom a text mentions is named where the answer knows the person", async () => {
    const author = sampleData().issues.find(
      ({ issueKey }) => issueKey === "WEB-7",
    )?.createdUser;
    const mention = `<@U${author?.id}> please, <@U1> and <@T${author?.id}> too`;
    const data = withThread(1, { text: () => mention });
    issueOf(data, "WEB-7").description = mention;
    const { text } = await readIssue("WEB-7", { data });
    const named = `> @${author?.name} please, <@U1> and <@T${author?.id}> too\n`;
    expect(text.split(named)).toHaveLength(3);
  });

  test("names a changed description but prints it once", async () => {
    const { text } = await readIssue("WEB-12");
    expect(text).toContain("\n- description changed\n");
    expect(text.split("Measured on 3 devices")).toHaveLength(2);
    expect(text).not.toContain("Please look into it.");
  });

  test("keeps entries that only changed fields, with null or empty text", async () => {
    const data = withThread(60, { changeOnlyEvery: 2 });
    const { ids, text } = await readIssue("WEB-7", { data });
    expect(ids).toEqual(idsOf(data, "WEB-7"));
    expect(text.match(/^- actual hours: \d+ → \d+$/gm)).toHaveLength(30);
  });
});

// What an answer keeps back for the lines that say what is missing.
const NOTICES = { characters: 3_200, tokens: 1_300 };
const REMARK = "Measured again on staging, with the cache and without it.";
const JAPANESE = "キャッシュを有効にして本番でもう一度計測しました。";

describe("a thread longer than an answer", () => {
  const THREADS: [string, number, ((n: number) => string) | undefined][] = [
    ["of ordinary comments", 1_234, undefined],
    ["in ASCII", 1_234, (n) => `${REMARK} ${n}`],
    ["in Japanese", 1_234, (n) => `${JAPANESE}${n}`],
    ["of long ASCII comments", 200, (n) => `${n}. ${`${REMARK}\n`.repeat(40)}`],
    ["of long Japanese comments", 200, (n) => `${n}. ${JAPANESE.repeat(40)}`],
  ];

  test.each(THREADS)(
    "%s: the newest whole comments that fit are shown, and the number of all",
    async (_name, count, text) => {
      const data = withThread(count, text ? { text } : {});
      const all = idsOf(data, "WEB-7");
      const answer = await readIssue("WEB-7", { data });
      expect(answer.ids.length).toBeGreaterThan(5);
      expect(answer.ids).toEqual(all.slice(-answer.ids.length));
      expect(answer.account).toBe(
        `Backlog counts ${count}; the newest ${answer.ids.length} are shown below.`,
      );
      expect(answer.older).toBe(`WEB-7#comment-${answer.ids[0]}-older`);
      expect(answer.text).not.toContain("(Characters ");
      expect(fits(sizeOf(answer.text), ANSWER_SIZE)).toBe(true);
    },
  );

  test.each(THREADS)(
    "%s: one comment more would not have fitted",
    async (_name, count, text) => {
      const data = withThread(count, text ? { text } : {});
      const answer = await readIssue("WEB-7", { data });
      const next = commentsOf(data, "WEB-7").at(-answer.ids.length - 1);
      const size = sizeOf(
        `### 2026-10-22 04:00 · #comment-${next?.id} · ${next?.createdUser.name}\n> ${next?.content}\n`,
      );
      const withNext = [sizeOf(answer.text), size, NOTICES].reduce(add);
      expect(fits(withNext, ANSWER_SIZE)).toBe(false);
    },
  );

  test.each(THREADS)(
    "%s: nothing is fetched beyond the rest of a page",
    async (_name, count, text) => {
      const data = withThread(count, text ? { text } : {});
      const { requests, ids } = await readIssue("WEB-7", { data });
      const sent = countSent(requests, idsOf(data, "WEB-7"));
      expect(sent).toBeGreaterThanOrEqual(ids.length);
      expect(sent - ids.length).toBeLessThan(100);
    },
  );

  test("no less than most of the room is used", async () => {
    const { text } = await readIssue("WEB-7", {
      data: withThread(1_234, { text: (n) => `${JAPANESE}${n}` }),
    });
    expect(sizeOf(text).tokens).toBeGreaterThan(8_500);
  });

  test("a space that counts comments only is quoted as the one who counts", async () => {
    const data = withThread(1_234, { changeOnlyEvery: 2 });
    const { account } = await readIssue("WEB-7", {
      data,
      switches: { countIncludesChanges: false },
    });
    expect(account).toStartWith("Backlog counts 617; the newest ");
  });
});

describe("one giant comment", () => {
  const GIANT = Array.from(
    { length: 6_000 },
    (_, n) => `line ${n} of a log`,
  ).join("\n");

  test("is cut at a line's end, says so on top, and has a way to the rest", async () => {
    const data = withThread(9, { text: (n) => (n === 4 ? GIANT : `${n}`) });
    const id = idsOf(data, "WEB-7")[3];
    const { text, ids } = await readIssue("WEB-7", { data });
    expect(ids).toHaveLength(9);
    const quoted = quotedAfter(text, `#comment-${id} `);
    expect(GIANT).toStartWith(`${quoted}\n`);
    expect(text).toContain(
      `\n(Characters 1 to ${quoted.length} of ${GIANT.length}. More: issue_key WEB-7#comment-${id}-from-${quoted.length + 1})\n`,
    );
    expect(text).toContain(
      "\nCut within, with the issue_key that goes on where it stands: 1 comment.\n",
    );
  });

  test("that was asked for is marked, and shown with most of the answer's room", async () => {
    const text = GIANT.slice(0, 30_000);
    const data = withThread(30, { text: (n) => (n === 4 ? text : `${n}`) });
    const id = idsOf(data, "WEB-7")[3] ?? 0;
    const focused = await readIssue(`WEB-7#comment-${id}`, { data });
    expect(focused.text).toMatch(
      new RegExp(`^### .* · #comment-${id} · asked for · `, "m"),
    );
    expect(quotedAfter(focused.text, `#comment-${id} `)).toBe(text);
  });

  test.each([
    [
      "a part of it is one request for the issue, and one for it",
      20_001,
      "## Comment #comment-ID\n>",
    ],
    [
      "behind its end, its length is told",
      900_000,
      `(It has ${GIANT.length} characters, so none from 900000 on. From the beginning: issue_key WEB-7#comment-ID)`,
    ],
  ])("%s", async (_, from, expected) => {
    const data = withThread(30, { text: (n) => (n === 4 ? GIANT : `${n}`) });
    const id = idsOf(data, "WEB-7")[3] ?? 0;
    const { text, requests } = await readIssue(
      `WEB-7#comment-${id}-from-${from}`,
      { data },
    );
    expect(text).toContain(expected.replace("-ID", `-${id}`));
    expect(text).toContain("\nThe whole issue: issue_key WEB-7\n");
    expect(requests.map(({ path }) => path).toSorted()).toEqual([
      "/issues/WEB-7",
      "/issues/WEB-7/comments",
    ]);
  });
});

describe("a long text is read to its end, every character once", () => {
  const LINES = Array.from(
    { length: 2_500 },
    (_, n) =>
      `${n}. ${n % 3 === 0 ? JAPANESE : REMARK}${n % 7 === 1 ? "\n" : ""}`,
  ).join("\n");
  const TEXTS: [string, string][] = [
    ["many lines", LINES],
    ["one line without an end", "0123456789".repeat(9_000)],
    ["one line of Japanese", JAPANESE.repeat(1_500)],
    ["surrogate pairs", "🙏🔑".repeat(12_000)],
    ["lines of nothing", `a${"\n".repeat(60_000)}b`],
    ["letters with marks", "e\u0301".repeat(30_000)],
    ["marks without a letter", `a${"\u0301".repeat(60_000)}`],
  ];
  const PLACES: [string, (data: SpaceData, text: string) => string][] = [
    [
      "description",
      (data, text) => {
        issueOf(data, "WEB-7").description = text;
        return "WEB-7#description";
      },
    ],
    [
      "custom field",
      (data, value) => {
        const field = { id: 12, fieldTypeId: 2, name: "Log", value };
        issueOf(data, "WEB-7").customFields = [field];
        return "WEB-7#field-12";
      },
    ],
    [
      "comment",
      (data, text) => {
        addThread(data, "WEB-7", 3, { text: () => text });
        return `WEB-7#comment-${idsOf(data, "WEB-7")[1]}`;
      },
    ],
  ];

  /** The quoted parts from a key on, by the ways that the answers name. */
  async function follow(start: string, data: SpaceData): Promise<string[]> {
    await using space = startSampleSpace({ data });
    await using connected = await connectInProcess(space);
    const parts: string[] = [];
    let next: string | undefined = start;
    while (next !== undefined) {
      const { text } = await connected.details({ issue_key: next });
      expect(fits(sizeOf(text), ANSWER_SIZE)).toBe(true);
      expect(text.isWellFormed()).toBe(true);
      const key = start.replace(/-from-\d+$/, "");
      const place =
        parts.length > 0 || !key.includes("comment")
          ? "\n## "
          : `${key.slice(5)} · asked for`;
      const part = quotedAfter(text, place);
      const from = parts.join("").length;
      const [, notice = ""] =
        /^\((Characters .*)\)$/m.exec(
          text.slice(text.indexOf(part) + part.length),
        ) ?? [];
      expect(notice).toStartWith(
        `Characters ${from + 1} to ${from + part.length} of `,
      );
      parts.push(part);
      [, next] =
        new RegExp(`More: issue_key (${start}-\\S+)$`).exec(notice) ?? [];
      expect(parts.length).toBeLessThan(30);
    }
    return parts;
  }

  for (const [place, put] of PLACES) {
    test.each(TEXTS)(`a ${place} of %s`, async (_, text) => {
      const data = sampleData();
      const parts = await follow(put(data, text), data);
      expect(parts.join("") === text).toBe(true);
      expect(parts.length).toBeGreaterThan(2);
    });
  }

  test("what a plain answer cuts, it says on top and where it stands", async () => {
    const data = withThread(300);
    const issue = issueOf(data, "WEB-7");
    issue.description = LINES;
    issue.customFields = [
      { id: 12, fieldTypeId: 2, name: "Log", value: LINES },
    ];
    const { ids, text } = await readIssue("WEB-7", { data });
    expect(ids.length).toBeGreaterThan(100);
    const [, more] =
      /^Description: Characters 1 to \d+ of \d+\. More: issue_key (\S+)$/m.exec(
        text,
      ) ?? [];
    expect(more).toMatch(/^WEB-7#description-\d+$/);
    expect(text).toContain(`More: issue_key ${more})\n`);
    expect(text).toMatch(/^Cut within, .*: 1 custom field\.$/m);
    expect(text).toMatch(
      /^\(Characters 1 to \d+ of \d+\. More: issue_key WEB-7#field-12-\d+\)$/m,
    );
  });

  test("a description that is asked for comes before the comments, which are a key away", async () => {
    const data = withThread(300);
    issueOf(data, "WEB-7").description = LINES;
    const { ids, account } = await readIssue("WEB-7#description", { data });
    expect(ids).toEqual([]);
    expect(account).toBe(
      "Backlog counts 300, none of which fits beside the description. They are at issue_key WEB-7",
    );
  });

  test.each([
    [
      "WEB-5#description-900",
      "## Description\n(It has 106 characters, so none from 900 on. From the beginning: issue_key WEB-5#description)",
    ],
    [
      "WEB-7#description-900",
      "## Description\n(It has 0 characters, so none from 900 on. From the beginning: issue_key WEB-7#description)",
    ],
    ["WEB-7#description", "## Description\nnone"],
    ["WEB-7#field-99", "Note: There is no custom field 99 in WEB-7."],
  ])("%s tells that there is nothing", async (key, expected) => {
    const { text } = await readIssue(key);
    expect(text).toContain(expected);
  });
});

describe("#comment-N", () => {
  test("centres on that comment: as many before it as after it", async () => {
    const data = withThread(2_000);
    const all = idsOf(data, "WEB-7");
    const place = 900;
    const { ids, older, newer, account } = await readIssue(
      `WEB-7#comment-${all[place]}`,
      { data },
    );
    const from = all.indexOf(ids[0] ?? 0);
    expect(ids).toEqual(all.slice(from, from + ids.length));
    const before = place - from;
    const after = ids.length - 1 - before;
    expect(Math.abs(before - after)).toBeLessThan(30);
    expect(older).toBe(`WEB-7#comment-${ids[0]}-older`);
    expect(newer).toBe(`WEB-7#comment-${ids.at(-1)}-newer`);
    expect(account).toBe(`Backlog counts 2000; ${ids.length} are shown below.`);
  });

  test.each([
    ["the oldest", 0, "the oldest "],
    ["the newest", 1_999, "the newest "],
  ])("of %s says so", async (_name, place, which) => {
    const data = withThread(2_000);
    const all = idsOf(data, "WEB-7");
    const { ids, account, older, newer } = await readIssue(
      `WEB-7#comment-${all[place]}`,
      { data },
    );
    expect(ids).toContain(all[place] ?? 0);
    expect(account).toBe(
      `Backlog counts 2000; ${which}${ids.length} are shown below.`,
    );
    expect(older === undefined).toBe(place === 0);
    expect(newer === undefined).toBe(place !== 0);
  });

  test.each([[false], [true]])(
    "of a short thread shows all of it, idsInclusive %p",
    async (idsInclusive) => {
      const data = withThread(30);
      const all = idsOf(data, "WEB-7");
      for (const id of [all[0], all[15], all[29]]) {
        const { ids, account } = await readIssue(`WEB-7#comment-${id}`, {
          data,
          switches: { idsInclusive },
        });
        expect(ids).toEqual(all);
        expect(account).toBe("30, all shown below.");
      }
    },
  );

  test("that is gone says so, and shows those around its place", async () => {
    const data = withThread(30);
    const all = idsOf(data, "WEB-7");
    const gone = all[10] ?? 0;
    commentsOf(data, "WEB-7").splice(10, 1);
    const { ids, notes } = await readIssue(`WEB-7#comment-${gone}`, { data });
    expect(ids).toEqual(all.filter((id) => id !== gone));
    expect(notes).toEqual([
      `There is no comment ${gone} in WEB-7 now; those around its place are shown.`,
    ]);
  });

  test("that is gone from an issue without comments says so", async () => {
    const { account, notes } = await readIssue("WEB-7#comment-12345");
    expect(account).toBe("none.");
    expect(notes).toEqual(["There is no comment 12345 in WEB-7 now."]);
  });

  test("that could not be read is not called gone", async () => {
    const data = withThread(30);
    const id = idsOf(data, "WEB-7")[10];
    const { notes, ids, older } = await readIssue(`WEB-7#comment-${id}`, {
      data,
      answer: ({ url }) =>
        url.includes("maxId=") ? new Response("", { status: 500 }) : undefined,
    });
    expect(ids).toEqual(idsOf(data, "WEB-7").slice(11));
    expect(older).toBe(`WEB-7#comment-${ids[0]}-older`);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toStartWith("Some comments could not be read: ");
  });
});

describe("a thread of 2,000 comments, walked by what the answers say", () => {
  const SWITCHES = [
    { idsInclusive: false, countIncludesChanges: true },
    { idsInclusive: true, countIncludesChanges: true },
    { idsInclusive: false, countIncludesChanges: false },
    { idsInclusive: true, countIncludesChanges: false },
  ];

  /** Follows one kind of line from a first key until there is none. */
  async function walk(
    start: string,
    line: "older" | "newer",
    options: SampleSpaceOptions,
  ) {
    await using space = startSampleSpace(options);
    await using connected = await connectInProcess(space);
    const pages: number[][] = [];
    let next: string | undefined = start;
    let last = "";
    while (next !== undefined) {
      const { text } = await connected.details({ issue_key: next });
      expect(fits(sizeOf(text), ANSWER_SIZE)).toBe(true);
      const page = parseIssue(text);
      pages.push(page.ids);
      last = text;
      next = page[line];
      expect(pages.length).toBeLessThan(100);
    }
    return { pages, last, requests: space.requests };
  }

  test.each(SWITCHES)(
    "backwards from the plain key: idsInclusive $idsInclusive, countIncludesChanges $countIncludesChanges",
    async (switches) => {
      const data = withThread(2_000, { changeOnlyEvery: 9 });
      const all = idsOf(data, "WEB-7");
      const { pages, requests } = await walk("WEB-7", "older", {
        data,
        switches,
      });
      expect(pages.toReversed().flat()).toEqual(all);
      const sent = countSent(requests, all, {
        inclusive: switches.idsInclusive,
      });
      expect(sent / all.length).toBeLessThan(1.3);
    },
  );

  test.each(SWITCHES)(
    "forwards from the oldest: idsInclusive $idsInclusive, countIncludesChanges $countIncludesChanges",
    async (switches) => {
      const data = withThread(2_000, { changeOnlyEvery: 9 });
      const all = idsOf(data, "WEB-7");
      // Nothing is older than comment 1: the answer begins with the oldest.
      const { pages, requests } = await walk("WEB-7#comment-1", "newer", {
        data,
        switches,
      });
      expect(pages.flat()).toEqual(all);
      const sent = countSent(requests, all, {
        inclusive: switches.idsInclusive,
      });
      expect(sent / all.length).toBeLessThan(1.3);
    },
  );

  test.each(SWITCHES.slice(0, 2))(
    "from the middle to both ends: idsInclusive $idsInclusive, countIncludesChanges $countIncludesChanges",
    async (switches) => {
      const data = withThread(2_000);
      const all = idsOf(data, "WEB-7");
      const start = `WEB-7#comment-${all[1_000]}`;
      const older = await walk(start, "older", { data, switches });
      const newer = await walk(start, "newer", { data, switches });
      const [middle, ...after] = newer.pages;
      expect(older.pages[0]).toEqual(middle ?? []);
      expect([...older.pages.toReversed().flat(), ...after.flat()]).toEqual(
        all,
      );
    },
  );

  test.each([
    ["long Japanese comments", (n: number) => `${n}. ${JAPANESE.repeat(20)}`],
    [
      "comments that differ in length",
      (n: number) => REMARK.repeat(1 + ((n * n) % 60)),
    ],
    [
      "comments larger than their share",
      (n: number) => `${n}\n${`${REMARK}\n`.repeat(300)}`,
    ],
  ])("also with %s every comment comes once", async (_name, text) => {
    const data = withThread(60, { text });
    const all = idsOf(data, "WEB-7");
    const older = await walk("WEB-7", "older", { data });
    expect(older.pages.toReversed().flat()).toEqual(all);
    const newer = await walk("WEB-7#comment-1", "newer", { data });
    expect(newer.pages.flat()).toEqual(all);
  });

  test("behind either end there is nothing, and the way back", async () => {
    const data = withThread(2_000);
    const all = idsOf(data, "WEB-7");
    const before = await readIssue(`WEB-7#comment-${all[0]}-older`, { data });
    expect(before.account).toBe(`none older than #comment-${all[0]}.`);
    const behind = await readIssue(`WEB-7#comment-${all.at(-1)}-newer`, {
      data,
    });
    expect(behind.account).toBe(`none newer than #comment-${all.at(-1)}.`);
  });

  test("a page of older comments has no facts twice, but the way to them", async () => {
    const data = withThread(2_000);
    const all = idsOf(data, "WEB-7");
    const { text, requests } = await readIssue(
      `WEB-7#comment-${all[1_500]}-older`,
      {
        data,
      },
    );
    expect(text).toContain("\nThe whole issue: issue_key WEB-7\n");
    expect(text).not.toContain("- Status:");
    expect(requests.some(({ path }) => path.endsWith("/relatedIssues"))).toBe(
      false,
    );
  });
});

describe("what is claimed is what was seen", () => {
  /** Answers for the comments of WEB-7 as it is told, page by page. */
  const answering =
    (
      toPage: (page: Comment[], query: URLSearchParams) => unknown[],
      all: Comment[],
    ) =>
    (request: Request, path: string) => {
      if (path !== "/issues/WEB-7/comments") return undefined;
      const { searchParams } = new URL(request.url);
      const maxId = Number(
        searchParams.get("maxId") ?? Number.POSITIVE_INFINITY,
      );
      const minId = Number(searchParams.get("minId") ?? 0);
      const isOldestFirst = searchParams.get("order") === "asc";
      const matching = all.filter(({ id }) => id < maxId && id > minId);
      const ordered = isOldestFirst ? matching : matching.toReversed();
      const page = ordered.slice(0, Number(searchParams.get("count")));
      return Response.json(toPage(page, searchParams));
    };
  const hidden = (comment: Comment) => ({ ...comment, created: "lately" });

  test("a count above what there is to read is told beside it", async () => {
    const data = withThread(20);
    const { account, requests } = await readIssue("WEB-7", {
      data,
      answer: (_, path) =>
        path.endsWith("/count") ? Response.json({ count: 350 }) : undefined,
    });
    expect(account).toBe(
      "20 were found, though Backlog counts 350, all shown below.",
    );
    // One look behind the short page, since there should have been more.
    expect(requests).toHaveLength(5);
  });

  test("a count below what there is to read is told beside it", async () => {
    const { account } = await readIssue("WEB-7", {
      data: withThread(20),
      answer: (_, path) =>
        path.endsWith("/count") ? Response.json({ count: 3 }) : undefined,
    });
    expect(account).toBe(
      "20 were found, though Backlog counts 3, all shown below.",
    );
  });

  test("pages shorter than asked do not end the thread", async () => {
    const data = withThread(70);
    const all = commentsOf(data, "WEB-7");
    const answer = answering((page) => page.slice(0, 20), all);
    const { ids, account } = await readIssue("WEB-7", { data, answer });
    expect(ids).toEqual(all.map(({ id }) => id));
    expect(account).toBe("70, all shown below.");
    const [, , , oldest] = ids.slice(0, 60).toReversed();
    const turned = await readIssue(`WEB-7#comment-${oldest}-older`, {
      data,
      answer,
    });
    expect(turned.ids).toEqual(ids.filter((id) => id < (oldest ?? 0)));
  });

  test("a full page that cannot be read does not hide those beyond it", async () => {
    const data = withThread(251);
    const all = commentsOf(data, "WEB-7");
    const readable = new Set(all.slice(0, 151));
    const answer = answering(
      (page) => page.map((one) => (readable.has(one) ? one : hidden(one))),
      all,
    );
    const { ids, account, notes } = await readIssue("WEB-7", { data, answer });
    expect(ids).toEqual(all.slice(0, 151).map(({ id }) => id));
    expect(account).toBe(
      "151 were found, though Backlog counts 251, all shown below.",
    );
    expect(notes.join()).toContain("100 times");
  });

  test("entries without an ID end the walk, and the way from the other end is told", async () => {
    const data = withThread(120);
    const all = commentsOf(data, "WEB-7");
    const newest = new Set(all.slice(20));
    const answer = answering(
      (page) =>
        page.map((one) => (newest.has(one) ? { ...one, id: "?" } : one)),
      all,
    );
    const { account, notes } = await readIssue("WEB-7", { data, answer });
    expect(account).toBe("none could be read (Backlog counts 120).");
    expect(notes.join()).toContain("issue_key WEB-7#comment-1-newer");
    const { ids } = await readIssue("WEB-7#comment-1-newer", { data, answer });
    expect(ids).toEqual(all.slice(0, 20).map(({ id }) => id));
  });

  test("equal IDs are shown and counted once, on one page or on two", async () => {
    const data = withThread(30);
    const all = commentsOf(data, "WEB-7");
    const answer = answering((page) => [...page, ...page.slice(0, 2)], all);
    const { ids, account } = await readIssue("WEB-7", { data, answer });
    expect(ids).toEqual(all.map(({ id }) => id));
    expect(account).toBe("30, all shown below.");
  });
});
