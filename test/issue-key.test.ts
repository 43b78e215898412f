import { describe, expect, test } from "bun:test";
import { parseIssueKey } from "../issue-key.ts";

/** What a function throws, as text; where it answers, that is the failure. */
function messageOf(run: () => unknown): string {
  try {
    return `no error, but ${JSON.stringify(run())}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

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
    ["WEB-1.", "WEB-1"],
    ["<https://example.backlog.com/view/WEB-1>", "WEB-1"],
    ["[WEB-1](https://example.backlog.com/view/WEB-1)", "WEB-1"],
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
