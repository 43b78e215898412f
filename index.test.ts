import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { toQueryString } from "./backlog.ts";
import {
  addDays,
  formatDistance,
  formatInstant,
  isZonedDay,
  parseDay,
  parseTimeZone,
  toCalendarDay,
  toToday,
} from "./dates.ts";
import { parseIssueKey } from "./issue-key.ts";
import { parseLeniently, Responses } from "./responses.ts";
import { connectInProcess } from "./scripts/connect.ts";
import { startSampleSpace } from "./scripts/sample-space.ts";

/** What a function throws, as text; where it answers, that is the failure. */
function messageOf(run: () => unknown): string {
  try {
    return `no error, but ${JSON.stringify(run())}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("toQueryString", () => {
  test.each([
    { name: "nothing to ask is no query", query: {}, expected: "" },
    {
      name: "a list repeats name[]",
      query: { statusId: [1, 2] },
      expected: "?statusId%5B%5D=1&statusId%5B%5D=2",
    },
    {
      name: "a list of one has its brackets, too",
      query: { assigneeId: [7] },
      expected: "?assigneeId%5B%5D=7",
    },
    {
      name: "a list of words is encoded",
      query: { expand: ["childIssueSummary"] },
      expected: "?expand%5B%5D=childIssueSummary",
    },
    {
      name: "an empty list is left out",
      query: { statusId: [], count: 100 },
      expected: "?count=100",
    },
    {
      name: "undefined is left out",
      query: { keyword: undefined, count: 5 },
      expected: "?count=5",
    },
    {
      name: "nothing but undefined and empty lists is no query",
      query: { keyword: undefined, statusId: [] },
      expected: "",
    },
    {
      name: "zero and false are kept",
      query: { offset: 0, attachment: false },
      expected: "?offset=0&attachment=false",
    },
    {
      name: "zero in a list is kept: resolution 0 is Fixed",
      query: { resolutionId: [0] },
      expected: "?resolutionId%5B%5D=0",
    },
    {
      name: "an empty text is kept",
      query: { keyword: "" },
      expected: "?keyword=",
    },
    {
      name: "&, =, # and + are encoded",
      query: { keyword: "a&b=c#d+e" },
      expected: "?keyword=a%26b%3Dc%23d%2Be",
    },
    {
      name: "spaces and kanji are encoded",
      query: { keyword: "a b 課題" },
      expected: "?keyword=a+b+%E8%AA%B2%E9%A1%8C",
    },
    {
      name: "an emoji is encoded as one character",
      query: { keyword: "🔑" },
      expected: "?keyword=%F0%9F%94%91",
    },
    {
      name: "the order of the query is kept",
      query: { sort: "updated", order: "desc", offset: 100, count: 100 },
      expected: "?sort=updated&order=desc&offset=100&count=100",
    },
  ])("$name", ({ query, expected }) => {
    expect(toQueryString(query)).toBe(expected);
  });
});

describe("formatInstant writes the wall clock of a zone", () => {
  test.each([
    // Both sides of midnight.
    ["2026-11-20T14:59:59Z", "Asia/Tokyo", "2026-11-20 23:59"],
    ["2026-11-20T15:00:00Z", "Asia/Tokyo", "2026-11-21 00:00"],
    ["2026-11-20T15:30:00Z", "UTC", "2026-11-20 15:30"],
    ["2026-11-20T00:00:00Z", "UTC", "2026-11-20 00:00"],
    ["2026-11-20T04:59:59Z", "America/New_York", "2026-11-19 23:59"],
    ["2026-11-20T05:00:00Z", "America/New_York", "2026-11-20 00:00"],
    ["2026-11-20T10:00:00Z", "Pacific/Kiritimati", "2026-11-21 00:00"],
    ["2026-11-20T09:59:59Z", "Pacific/Honolulu", "2026-11-19 23:59"],
    ["2026-12-31T15:00:00Z", "Asia/Tokyo", "2027-01-01 00:00"],
    ["2024-02-28T15:00:00Z", "Asia/Tokyo", "2024-02-29 00:00"],
    // Clocks go forward, in spring.
    ["2026-03-29T00:59:59Z", "Europe/Berlin", "2026-03-29 01:59"],
    ["2026-03-29T01:00:00Z", "Europe/Berlin", "2026-03-29 03:00"],
    ["2026-03-08T06:59:59Z", "America/New_York", "2026-03-08 01:59"],
    ["2026-03-08T07:00:00Z", "America/New_York", "2026-03-08 03:00"],
    // Clocks go back, in autumn: the same hour comes twice.
    ["2026-10-25T00:59:59Z", "Europe/Berlin", "2026-10-25 02:59"],
    ["2026-10-25T01:00:00Z", "Europe/Berlin", "2026-10-25 02:00"],
    ["2026-11-01T05:30:00Z", "America/New_York", "2026-11-01 01:30"],
    ["2026-11-01T06:30:00Z", "America/New_York", "2026-11-01 01:30"],
    // By half an hour, in the south.
    ["2026-10-03T15:29:59Z", "Australia/Lord_Howe", "2026-10-04 01:59"],
    ["2026-10-03T15:30:00Z", "Australia/Lord_Howe", "2026-10-04 02:30"],
    // Zones of half and quarter hours.
    ["2026-11-20T18:29:59Z", "Asia/Kolkata", "2026-11-20 23:59"],
    ["2026-11-20T18:30:00Z", "Asia/Kolkata", "2026-11-21 00:00"],
    ["2026-11-20T18:15:00Z", "Asia/Kathmandu", "2026-11-21 00:00"],
    ["2026-11-20T03:29:59Z", "America/St_Johns", "2026-11-19 23:59"],
    ["2026-11-20T03:30:00Z", "America/St_Johns", "2026-11-20 00:00"],
    // An offset is a zone, too.
    ["2026-11-20T18:30:00Z", "+05:30", "2026-11-21 00:00"],
    ["2026-11-20T18:30:00.500Z", "UTC", "2026-11-20 18:30"],
  ])("%s in %s is %s", (instant, timeZone, expected) => {
    expect(formatInstant(instant, timeZone)).toBe(expected);
  });
});

describe("toToday is the calendar day in the asked zone", () => {
  test.each([
    ["2026-11-21T14:59:59Z", "Asia/Tokyo", "2026-11-21"],
    ["2026-11-21T15:00:00Z", "Asia/Tokyo", "2026-11-22"],
    ["2026-11-21T15:00:00Z", "UTC", "2026-11-21"],
    ["2026-11-22T04:59:59Z", "America/New_York", "2026-11-21"],
    ["2026-11-22T05:00:00Z", "America/New_York", "2026-11-22"],
  ])("at %s in %s it is %s", (now, timeZone, expected) => {
    expect(toToday(new Date(now), timeZone)).toBe(expected);
  });
});

describe("toCalendarDay", () => {
  test.each([
    // Midnight in UTC is the day itself, wherever the space is.
    ["2026-01-31T00:00:00Z", undefined, "2026-01-31"],
    ["2026-01-31T00:00:00Z", "Asia/Tokyo", "2026-01-31"],
    ["2026-01-31T00:00:00Z", "America/New_York", "2026-01-31"],
    ["2026-01-31T00:00:00Z", "Pacific/Kiritimati", "2026-01-31"],
    ["2026-01-31T00:00:00.000Z", "America/New_York", "2026-01-31"],
    ["2026-01-31", "America/New_York", "2026-01-31"],
    ["2026-01-31", undefined, "2026-01-31"],
    // Older data: midnight of the space's own zone.
    ["2026-01-30T15:00:00Z", "Asia/Tokyo", "2026-01-31"],
    ["2026-12-31T15:00:00Z", "Asia/Tokyo", "2027-01-01"],
    ["2024-02-28T15:00:00Z", "Asia/Tokyo", "2024-02-29"],
    ["2026-01-30T18:30:00Z", "Asia/Kolkata", "2026-01-31"],
    ["2026-01-30T11:00:00Z", "Pacific/Auckland", "2026-01-31"],
    ["2026-01-31T05:00:00Z", "America/New_York", "2026-01-31"],
    ["2026-07-31T04:00:00Z", "America/New_York", "2026-07-31"],
    ["2026-01-31T08:00:00Z", "America/Los_Angeles", "2026-01-31"],
    ["2026-07-30T23:00:00Z", "Europe/London", "2026-07-31"],
    // Where the zone is not known, or unreadable, the nearest midnight.
    ["2026-01-30T15:00:00Z", undefined, "2026-01-31"],
    ["2026-01-30T15:00:00Z", "Nowhere/At_all", "2026-01-31"],
    ["2026-01-30T18:30:00Z", undefined, "2026-01-31"],
    ["2026-12-31T15:00:00Z", undefined, "2027-01-01"],
    ["2026-01-31T05:00:00Z", undefined, "2026-01-31"],
    ["2026-01-31T11:59:59Z", undefined, "2026-01-31"],
    ["2026-01-31T12:00:00Z", undefined, "2026-02-01"],
  ])("%s of a space in %s is %s", (day, zone, expected) => {
    expect(toCalendarDay(day, zone)).toBe(expected);
  });

  test.each([
    ["2026-01-31", false],
    ["2026-01-31T00:00:00Z", false],
    ["2026-01-31T00:00:00.000Z", false],
    ["2026-01-30T15:00:00Z", true],
    ["2026-01-31T00:00:01Z", true],
  ])("%s needs the space's zone: %p", (day, expected) => {
    expect(isZonedDay(day)).toBe(expected);
  });
});

describe("parseDay", () => {
  test.each([
    ["2026-11-01", "2026-11-22", "2026-11-01"],
    [" 2026-11-01 ", "2026-11-22", "2026-11-01"],
    ["２０２６－１１－０１", "2026-11-22", "2026-11-01"],
    ["2024-02-29", "2026-11-22", "2024-02-29"],
    ["2000-02-29", "2026-11-22", "2000-02-29"],
    ["today", "2026-11-22", "2026-11-22"],
    ["TODAY", "2026-11-22", "2026-11-22"],
    ["yesterday", "2026-11-01", "2026-10-31"],
    ["yesterday", "2026-01-01", "2025-12-31"],
    ["tomorrow", "2026-12-31", "2027-01-01"],
    ["-7d", "2026-11-22", "2026-11-15"],
    ["+0d", "2026-11-22", "2026-11-22"],
    ["-7D", "2026-11-22", "2026-11-15"],
    ["−7d", "2026-11-22", "2026-11-15"],
    ["＋２ｗ", "2026-11-22", "2026-12-06"],
    ["+2w", "2026-12-28", "2027-01-11"],
    ["-1w", "2024-03-01", "2024-02-23"],
    // No day is lost or doubled where clocks change.
    ["+1d", "2026-03-28", "2026-03-29"],
    ["+1d", "2026-03-29", "2026-03-30"],
    ["-1d", "2026-11-02", "2026-11-01"],
    // A month's end is clamped.
    ["-1m", "2026-03-31", "2026-02-28"],
    ["-1m", "2024-03-31", "2024-02-29"],
    ["+1m", "2026-01-31", "2026-02-28"],
    ["-1m", "2026-12-31", "2026-11-30"],
    ["-12m", "2024-02-29", "2023-02-28"],
    ["+13m", "2026-12-31", "2028-01-31"],
    ["-1m", "2026-01-15", "2025-12-15"],
    ["+9999m", "2026-11-22", "2860-02-22"],
    ["-9999m", "2026-11-22", "1193-08-22"],
  ])("%s on %s is %s", (text, today, expected) => {
    expect(parseDay(text, today)).toBe(expected);
  });

  const FORMS =
    "is not a date; use YYYY-MM-DD, today, yesterday, or a distance such as -7d, +2w, -1m";
  test.each([
    // Impossible days.
    ["2026-02-30", "2026-02-30 does not exist; 2026-02 has 28 days"],
    ["2026-02-29", "2026-02-29 does not exist; 2026-02 has 28 days"],
    ["2100-02-29", "2100-02-29 does not exist; 2100-02 has 28 days"],
    ["2024-02-30", "2024-02-30 does not exist; 2024-02 has 29 days"],
    ["2026-11-31", "2026-11-31 does not exist; 2026-11 has 30 days"],
    ["2026-11-00", "2026-11-00 does not exist; 2026-11 has 30 days"],
    ["2026-13-01", "2026-13-01 does not exist; months go from 01 to 12"],
    ["2026-00-10", "2026-00-10 does not exist; months go from 01 to 12"],
    // Another spelling: the right one is named, unless there is none.
    ["2026/11/1", '"2026/11/1" is not a date; use 2026-11-01'],
    ["2026.1.5", '"2026.1.5" is not a date; use 2026-01-05'],
    ["2026-1-5", '"2026-1-5" is not a date; use 2026-01-05'],
    ["2026年11月1日", '"2026年11月1日" is not a date; use 2026-11-01'],
    [
      "2026-11-01T09:00:00Z",
      '"2026-11-01T09:00:00Z" is not a date; use 2026-11-01',
    ],
    ["2026/02/30", "2026-02-30 does not exist; 2026-02 has 28 days"],
    // None of the forms.
    ["", `"" ${FORMS}`],
    ["7d", `"7d" ${FORMS}`],
    ["-1y", `"-1y" ${FORMS}`],
    ["last week", `"last week" ${FORMS}`],
    ["20261101", `"20261101" ${FORMS}`],
    ["11/1/2026", `"11/1/2026" ${FORMS}`],
    ["+10000d", `"+10000d" ${FORMS}`],
    ["constructor", `"constructor" ${FORMS}`],
    ["x".repeat(200), `"${"x".repeat(60)}…" ${FORMS}`],
  ])("%s is refused with the fix", (text, expected) => {
    expect(messageOf(() => parseDay(text, "2026-11-22"))).toBe(expected);
  });
});

describe("addDays", () => {
  test.each([
    ["2026-12-31", 1, "2027-01-01"],
    ["2026-03-01", -1, "2026-02-28"],
    ["2024-02-28", 1, "2024-02-29"],
    ["2026-11-22", 0, "2026-11-22"],
  ])("%s and %d days is %s", (day, days, expected) => {
    expect(addDays(day, days)).toBe(expected);
  });
});

describe("parseTimeZone", () => {
  test.each([
    ["UTC", "UTC"],
    ["utc", "UTC"],
    ["Asia/Tokyo", "Asia/Tokyo"],
    ["asia/tokyo", "Asia/Tokyo"],
    ["ASIA/TOKYO", "Asia/Tokyo"],
    [" Asia/Tokyo ", "Asia/Tokyo"],
    ["Ａｓｉａ／Ｔｏｋｙｏ", "Asia/Tokyo"],
    ["America/New_York", "America/New_York"],
    // Named as the person named it, though another name is the runtime's.
    ["Asia/Kolkata", "Asia/Kolkata"],
    ["US/Pacific", "US/Pacific"],
    ["+09:00", "+09:00"],
    ["-05:30", "-05:30"],
  ])("%j is %s", (text, expected) => {
    expect(parseTimeZone(text)).toBe(expected);
  });

  test.each([
    ["JST", "use Asia/Tokyo"],
    ["jst", "use Asia/Tokyo"],
    ["Tokyo", "use Asia/Tokyo"],
    ["東京", "use Asia/Tokyo"],
    ["日本時間", "use Asia/Tokyo"],
    ["Asia Tokyo", "use Asia/Tokyo"],
    ["PST", "use America/Los_Angeles"],
    ["EDT", "use America/New_York"],
    ["New York", "use America/New_York"],
    ["America/New York", "use America/New_York"],
    ["CEST", "use Europe/Paris"],
    ["IST", "use Asia/Kolkata"],
    ["Z", "use UTC"],
    ["UTC+9", "use +09:00"],
    ["GMT-05:30", "use -05:30"],
  ])("%s is refused with the zone that is meant: %s", (text, advice) => {
    expect(messageOf(() => parseTimeZone(text))).toBe(
      `"${text}" is not an IANA time zone name; ${advice} (such as Asia/Tokyo, Europe/Berlin or UTC)`,
    );
  });

  test.each([
    ["Mars/Phobos", '"Mars/Phobos"'],
    ["", '""'],
    // An offset that no clock has is not proposed.
    ["UTC+25", '"UTC+25"'],
    ["x".repeat(5_000), `"${"x".repeat(60)}…"`],
  ])("%s is refused without a guess", (text, quoted) => {
    expect(messageOf(() => parseTimeZone(text))).toBe(
      `${quoted} is not an IANA time zone name (such as Asia/Tokyo, Europe/Berlin or UTC)`,
    );
  });
});

describe("formatDistance", () => {
  test.each([
    ["2026-11-22", "2026-11-22", "today"],
    ["2026-11-23", "2026-11-22", "in 1 day"],
    ["2026-11-30", "2026-11-22", "in 8 days"],
    ["2026-11-21", "2026-11-22", "1 day overdue"],
    ["2026-11-19", "2026-11-22", "3 days overdue"],
    ["2027-01-01", "2026-12-31", "in 1 day"],
    ["2024-03-01", "2024-02-28", "in 2 days"],
    ["2026-03-30", "2026-03-28", "in 2 days"],
    ["2026-10-24", "2026-10-26", "2 days overdue"],
  ])("%s seen on %s is %s", (day, today, expected) => {
    expect(formatDistance(day, today)).toBe(expected);
  });
});

describe("parseIssueKey", () => {
  const HOST = "example.backlog.com";
  const issue = { on: "issue" } as const;

  test.each([
    ["WEB-1", "WEB-1"],
    ["web-1", "WEB-1"],
    [" WEB-1\n", "WEB-1"],
    ["ＷＥＢ－１２", "WEB-12"],
    ["WEB—12", "WEB-12"],
    ["WEBー12", "WEB-12"],
    ["OLD_2019-1", "OLD_2019-1"],
    ["A-1", "A-1"],
    ["7-1", "7-1"],
    [`${"A".repeat(25)}-1234567890`, `${"A".repeat(25)}-1234567890`],
    ["1079313630", "1079313630"],
    ["１２３", "123"],
    ["WEB-1#", "WEB-1"],
    ["https://example.backlog.com/view/WEB-1", "WEB-1"],
    ["http://example.backlog.com/view/web-1", "WEB-1"],
    ["HTTPS://EXAMPLE.BACKLOG.COM/view/WEB-1", "WEB-1"],
    ["https://example.backlog.com:443/view/WEB-1", "WEB-1"],
    ["example.backlog.com/view/WEB-1", "WEB-1"],
    ["https://example.backlog.com/view/WEB-1/edit", "WEB-1"],
    ["https://example.backlog.com/view/%57EB-1", "WEB-1"],
    ["https://example.backlog.com/view/OLD_2019-1", "OLD_2019-1"],
    [
      "https://example.backlog.com/board/WEB?selectedIssueKey=WEB-7&view=1",
      "WEB-7",
    ],
    ["https://example.backlog.com/view/WEB-7?from=WEB-7", "WEB-7"],
    // Another place of the page, but not of the issue.
    ["https://example.backlog.com/view/WEB-1#attachments", "WEB-1"],
  ])("%j is the issue %s", (text, idOrKey) => {
    expect(parseIssueKey(text, HOST)).toEqual({ idOrKey, focus: issue });
  });

  test.each([
    ["WEB-1#description", "WEB-1", { on: "description", from: 0 }],
    ["WEB-1#description-1200", "WEB-1", { on: "description", from: 1200 }],
    ["WEB-1#comment-456", "WEB-1", { on: "comment", id: 456 }],
    ["web-1#Comment-456", "WEB-1", { on: "comment", id: 456 }],
    ["WEB-1#comment-456-older", "WEB-1", { on: "older", id: 456 }],
    ["WEB-1#comment-456-newer", "WEB-1", { on: "newer", id: 456 }],
    ["123#comment-5", "123", { on: "comment", id: 5 }],
    [
      "https://example.backlog.com/view/WEB-1#comment-456",
      "WEB-1",
      { on: "comment", id: 456 },
    ],
    [
      "https://example.backlog.com/view/WEB-1#comment-456-older",
      "WEB-1",
      { on: "older", id: 456 },
    ],
    [
      "https://example.backlog.com/find?key=WEB-1#description",
      "WEB-1",
      { on: "description", from: 0 },
    ],
  ] as const)("%s points into %s", (text, idOrKey, focus) => {
    expect(parseIssueKey(text, HOST)).toEqual({ idOrKey, focus });
  });

  test.each([
    "",
    "WEB",
    "WEB-",
    "-1",
    "WEB-0",
    "WEB-01",
    "WEB-12345678901",
    `${"A".repeat(26)}-1`,
    "WEB 1",
    "WEB-1 WEB-2",
    "WEB-1,WEB-2",
    "0",
    "00123",
    "1.5",
    "1e5",
    "課題-1",
    "example.backlog.com",
    "https://",
    "ftp://example.backlog.com/view/WEB-1",
    "javascript:alert(1)",
    "#comment-5",
    // Nothing climbs out of the path of an issue.
    "..",
    "../users",
    "../users/myself",
    "WEB-1/../../users",
    "WEB-1/comments",
    "WEB-1?apiKey=x",
    "WEB-1%2F..%2Fusers",
    "%2e%2e/users",
    "WEB-1\r\nX-Header: 1",
    "WEB-1\u0000",
    "WEB-1\\..\\users",
  ])("%j is no issue", (text) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key ${JSON.stringify(text)} is no issue key such as PROJ-123, no numeric ID and no address of an issue in example.backlog.com`,
    );
  });

  test.each([
    ["https://example.backlog.com/", "names no issue"],
    ["https://example.backlog.com/projects/WEB", "names no issue"],
    ["https://example.backlog.com/view/../users", "names no issue"],
    ["https://example.backlog.com/view/WEB-5x", "names no issue"],
    ["https://example.backlog.com/view/my-WEB-5", "names no issue"],
    // Whatever stands behind # is a place of a page, not an issue.
    ["https://example.backlog.com/alias/wiki/1#WEB-4", "names no issue"],
    ["https://example.backlog.com/a?b=WEB-1&c=OPS-2", "names WEB-1, OPS-2"],
    ["https://example.backlog.com/view/WEB-1?to=WEB-2", "names WEB-1, WEB-2"],
  ])("%s %s", (text, found) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key: this address ${found}; give the key of one issue, such as PROJ-123`,
    );
  });

  test.each([
    ["https://other.backlog.com/view/WEB-1", "other.backlog.com"],
    ["other.backlog.com/view/WEB-1", "other.backlog.com"],
    ["https://example.backlog.jp/view/WEB-1", "example.backlog.jp"],
    [
      "https://example.backlog.com.evil.example/view/WEB-1",
      "example.backlog.com.evil.example",
    ],
    ["https://example.backlog.com@evil.example/view/WEB-1", "evil.example"],
    ["https://example.backlog.com:8443/view/WEB-1", "example.backlog.com:8443"],
  ])("%s is refused as an address of %s", (text, other) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key is an address of ${other}, but this server reads example.backlog.com only; each space needs an entry of its own in the client's configuration`,
    );
  });

  test.each(["comment-", "comment-abc", "foo", "description-", "comment-1#x"])(
    "the fragment #%s is refused with those that are known",
    (fragment) => {
      expect(messageOf(() => parseIssueKey(`WEB-1#${fragment}`, HOST))).toBe(
        `issue_key: nothing is known of "#${fragment}"; use WEB-1, WEB-1#description or WEB-1#comment-456`,
      );
    },
  );
});

describe("parseLeniently", () => {
  const REQUIRED = {
    id: 1,
    issueKey: "WEB-1",
    summary: "A title",
    status: { id: 1, name: "Open" },
  };
  const comment = (id: unknown, more: object = {}) => ({
    id,
    created: "2026-11-20T00:00:00Z",
    ...more,
  });

  test.each([
    {
      name: "an issue of nothing but the required fields is whole",
      value: REQUIRED,
      expected: REQUIRED,
      leftOut: {},
    },
    {
      name: "unknown fields fall away, at any depth",
      value: {
        ...REQUIRED,
        keyId: 1,
        stars: [{ id: 1 }],
        status: { ...REQUIRED.status, color: "#ed8077", displayOrder: 1000 },
      },
      expected: REQUIRED,
      leftOut: {},
    },
    {
      name: "null is no fault",
      value: { ...REQUIRED, assignee: null, dueDate: null, category: null },
      expected: { ...REQUIRED, assignee: null, dueDate: null, category: null },
      leftOut: {},
    },
    {
      name: "a wrong type is left out and named",
      value: { ...REQUIRED, estimatedHours: "six", dueDate: 20261101 },
      expected: {
        ...REQUIRED,
        estimatedHours: undefined,
        dueDate: undefined,
      },
      leftOut: { estimatedHours: 1, dueDate: 1 },
    },
    {
      name: "a date that does not exist is left out",
      value: { ...REQUIRED, dueDate: "2026-13-45T00:00:00Z" },
      expected: { ...REQUIRED, dueDate: undefined },
      leftOut: { dueDate: 1 },
    },
    {
      name: "what holds a field that it cannot do without goes with it",
      value: { ...REQUIRED, priority: { id: 2 } },
      expected: { ...REQUIRED, priority: undefined },
      leftOut: { priority: 1 },
    },
    {
      name: "a text where a list belongs is left out",
      value: { ...REQUIRED, attachments: "none" },
      expected: { ...REQUIRED, attachments: undefined },
      leftOut: { attachments: 1 },
    },
    {
      name: "an entry without a required field is dropped and counted",
      value: {
        ...REQUIRED,
        category: [{ name: "Auth" }, { id: 2 }, "Search", null],
      },
      expected: { ...REQUIRED, category: [{ name: "Auth" }] },
      leftOut: { "entries of category": 3 },
    },
    {
      name: "an entry keeps what can be read of it",
      value: {
        ...REQUIRED,
        attachments: [
          { name: "a.png", size: "large" },
          { name: "b.png", size: 2 },
        ],
      },
      expected: {
        ...REQUIRED,
        attachments: [
          { name: "a.png", size: undefined },
          { name: "b.png", size: 2 },
        ],
      },
      leftOut: { "attachments.size": 1 },
    },
  ])("$name", ({ value, expected, leftOut }) => {
    const parsed = parseLeniently(Responses.issue, structuredClone(value));
    expect(parsed.output).toEqual(v.parse(v.any(), expected));
    expect(Object.fromEntries(parsed.leftOut)).toEqual({ ...leftOut });
  });

  test.each([
    {
      name: "an entry without ID or instant is dropped and counted",
      value: [comment(1), comment(undefined), { id: 3 }, comment(4)],
      ids: [1, 4],
      leftOut: { "entries of the list": 2 },
    },
    {
      name: "a wrong text leaves the comment",
      value: [comment(1, { content: 7 })],
      ids: [1],
      leftOut: { content: 1 },
    },
    {
      name: "a malformed change leaves the others",
      value: [comment(1, { changeLog: [{ field: "status" }, { old: 1 }] })],
      ids: [1],
      leftOut: { "entries of changeLog": 1 },
    },
    { name: "an empty list is whole", value: [], ids: [], leftOut: {} },
  ])("of comments, $name", ({ value, ids, leftOut }) => {
    const parsed = parseLeniently(Responses.comments, structuredClone(value));
    expect(parsed.output.map(({ id }) => id)).toEqual(ids);
    expect(Object.fromEntries(parsed.leftOut)).toEqual({ ...leftOut });
  });

  test.each([
    ["issueKey", { ...REQUIRED, issueKey: undefined }, "issueKey is missing"],
    [
      "summary",
      { ...REQUIRED, summary: 5 },
      "summary: expected a string, got a number",
    ],
    ["id", { ...REQUIRED, id: "1" }, "id: expected a number, got a string"],
    [
      "id",
      { ...REQUIRED, id: 2 ** 60 },
      "id: expected another form, got a number",
    ],
    [
      "status",
      { ...REQUIRED, status: null },
      "status: expected an object, got null",
    ],
    [
      "status",
      { ...REQUIRED, status: [] },
      "status: expected an object, got a list",
    ],
    [
      "status.id",
      { ...REQUIRED, status: { name: "Open" } },
      "status.id is missing",
    ],
    [
      "status.name",
      { ...REQUIRED, status: { id: 1, name: null } },
      "status.name: expected a string, got null",
    ],
    ["the answer", [], "the answer: expected an object, got a list"],
    ["the answer", "text", "the answer: expected an object, got a string"],
  ])("an issue without %s is an error that names it", (_, value, expected) => {
    const parse = () => parseLeniently(Responses.issue, value);
    expect(parse).toThrow(TypeError);
    expect(messageOf(parse)).toBe(expected);
  });
});

/** The tools' answers over the sample space, which is on no fixed port. */
async function answerOf(
  tool: "details" | "list",
  args: Record<string, unknown>,
): Promise<string> {
  await using space = startSampleSpace();
  await using server = await connectInProcess(space);
  const { text, isError } = await server[tool](args);
  expect(isError).toBe(false);
  return text.replaceAll(space.host, "HOST");
}

describe("the contract with the model", () => {
  test("tools/list", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const { tools } = await server.client.listTools();
    const text = JSON.stringify(tools, null, 2).replaceAll(space.host, "HOST");
    expect(text).toMatchInlineSnapshot();
  });

  test("what the server says of itself", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const version = server.client.getServerVersion();
    expect(version?.title?.replace(space.host, "HOST")).toBe("Backlog (HOST)");
    expect(
      server.client.getInstructions()?.replaceAll(space.host, "HOST"),
    ).toMatchInlineSnapshot();
  });

  test("every tool says that it only reads, in plain types", async () => {
    await using space = startSampleSpace();
    await using server = await connectInProcess(space);
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "get_issue_details",
      "get_user_issue_list",
    ]);
    for (const tool of tools) {
      expect(tool.annotations).toEqual({
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: true,
      });
      expect(tool.title).toBeString();
      expect(tool.description).toContain(space.host);
      expect(tool.outputSchema).toBeUndefined();
      expect(JSON.stringify(tool.inputSchema)).not.toMatch(
        /"(anyOf|oneOf|allOf|not|nullable|\$ref)"|"null"|"type":\[/,
      );
      expect(tool.inputSchema.additionalProperties).toBe(false);
      for (const property of Object.values(tool.inputSchema.properties ?? {})) {
        const { type, items } = v.parse(PropertySchema, property);
        expect(type === "array").toBe(items !== undefined);
      }
    }
    expect(space.requests).toEqual([]);
  });

  test("the whole text of get_issue_details", async () => {
    expect(
      await answerOf("details", {
        issue_key: "WEB-5",
        timezone: "Asia/Tokyo",
      }),
    ).toMatchInlineSnapshot();
  });

  test("the whole text of get_user_issue_list", async () => {
    expect(
      await answerOf("list", { timezone: "Asia/Tokyo", limit: 10 }),
    ).toMatchInlineSnapshot();
  });
});

const PropertySchema = v.object({
  type: v.picklist(["string", "integer", "boolean", "array"]),
  items: v.optional(v.object({ type: v.picklist(["string", "integer"]) })),
});
