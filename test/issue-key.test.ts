import { describe, expect, test } from "bun:test";
import { type Focus, parseIssueKey } from "../issue-key.ts";
import { quote } from "../text.ts";
import { messageOf } from "./helpers.ts";

const HOST = "example.backlog.com";
const LINK = `https://${HOST}/view/`;
const LONGEST = `${"A".repeat(25)}-1234567890`;
const ISSUE = { on: "issue" } as const;

describe("issue_key", () => {
  test.each<[idOrKey: string, ...texts: string[]]>([
    ["WEB-1", "WEB-1", " web-1\n", "WEB-1.", "WEB-1#", '["WEB-1"]', "WEB 1"],
    ["WEB-12", "ＷＥＢ－１２", "WEB—12", "WEBー12"],
    ["OLD_2019-1", "OLD_2019-1"],
    ["7-1", "7-1"],
    [LONGEST, LONGEST],
    ["1079313630", "１０７９３１３６３０"],
    ["WEB-1", `<${LINK}WEB-1>`, `[WEB-1](${LINK}WEB-1)`, `${LINK}%57EB-1`],
    ["WEB-1", "HTTPS://EXAMPLE.BACKLOG.COM:443/view/web-1"],
    ["WEB-1", `${HOST}/view/WEB-1/edit`],
    ["WEB-7", `https://${HOST}/board/WEB?selectedIssueKey=WEB-7&view=1`],
    ["WEB-7", `${LINK}WEB-7?from=OPS-1`],
    // Another place of the page, but not of the issue.
    ["WEB-1", `${LINK}WEB-1#attachments`],
  ])("is %s in %j", (idOrKey, ...texts) => {
    for (const text of texts) {
      const expected = { idOrKey, focus: ISSUE };
      expect(parseIssueKey(text, HOST), text).toEqual(expected);
    }
  });

  const comment = (id: number, from = 0): Focus => ({
    on: "comment",
    id,
    from,
  });
  const file = (
    file: { id: number } | { name: string },
    from: number | "end" = 0,
  ): Focus => ({ on: "attachment", file, from });
  test.each<[string, Focus]>([
    ["WEB-1#description", { on: "description", from: 0 }],
    ["WEB-1#description-20001", { on: "description", from: 20_000 }],
    ["web-1#Comment-456", comment(456)],
    ["WEB-1#comment-456-from-20001", comment(456, 20_000)],
    ["WEB-1#comment-456-older", { on: "older", id: 456 }],
    ["WEB-1#comment-456-newer", { on: "newer", id: 456 }],
    ["WEB-1#field-12", { on: "field", id: 12, from: 0 }],
    ["WEB-1#field-12-20001", { on: "field", id: 12, from: 20_000 }],
    [`https://${HOST}/view/WEB-1#comment-456`, comment(456)],
    [`https://${HOST}/find?key=WEB-1#comment-5`, comment(5)],
    ["WEB-1#attachment-8471", file({ id: 8471 })],
    ["WEB-1#attachment-8471-20001", file({ id: 8471 }, 20_000)],
    ["WEB-1#attachment-8471-END", file({ id: 8471 }, "end")],
    ["WEB-1#attachment-8471.log", file({ name: "8471.log" })],
    [`${LINK}WEB-1#comment-5を見て`, comment(5)],
    [`<${LINK}WEB-1|WEB-1>`, ISSUE],
    ["WEB-1#attachment-%E6%89%8B%20%231.txt", file({ name: "手 #1.txt" })],
  ])("%s points into the issue", (text, focus) => {
    expect(parseIssueKey(text, HOST)).toEqual({ idOrKey: "WEB-1", focus });
  });

  test.each<[string, string, Focus, string]>([
    ["WEB-7 Fix login", "WEB-7", ISSUE, "Fix login"],
    ["課題WEB-7を見て", "WEB-7", ISSUE, "課題 を見て"],
    ["ISSUE: WEB-7, WEB-7!", "WEB-7", ISSUE, "ISSUE: ,"],
    ["WEB-1/../../users", "WEB-1", ISSUE, "/../../users"],
    ["WEB-1\r\nX-Header: 1", "WEB-1", ISSUE, "X-Header: 1"],
    [`WEB-7 Fix https://${HOST}/view/WEB-7`, "WEB-7", ISSUE, "Fix"],
    ["see WEB-7#comment-5 please", "WEB-7", comment(5), "see please"],
    [`この件（${LINK}WEB-7#comment-5）`, "WEB-7", comment(5), "この件( )"],
    [`see [it](${LINK}WEB-7) please`, "WEB-7", ISSUE, "see [it]( ) please"],
  ])("%j is taken for %s, %p, beside words", (text, idOrKey, focus, words) => {
    expect(parseIssueKey(text, HOST)).toEqual({ idOrKey, focus, words });
  });

  test.each([
    ...["WEB-", "WEB-0", "WEB-01", "WEB-12345678901", `${"A".repeat(26)}-1`],
    ...["fix web-7 please", "fix WEB 7 please", "課題-1", "due 2026-11"],
    ...["0", "1e5", "#comment-5", HOST, `ftp://${HOST}/view/web-1`],
    // Nothing climbs out of the path of an issue.
    ...["../users/myself", "%2e%2e/users", "javascript:alert(1)"],
    ...["http://[", `see https://${HOST}:port/view/WEB-1`],
    `WEB-1 ${"W".repeat(2_000)}`,
  ])("%j is no issue", (text) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key ${quote(text, 80)} is no issue key such as PROJ-123, no numeric ID and no address of an issue in ${HOST}`,
    );
  });

  test.each([
    ["WEB5", "WEB-5"],
    ["web12", "WEB-12"],
  ])("%j may mean %s", (text, key) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toEndWith(
      ` in ${HOST}; did you mean ${key}?`,
    );
  });

  const TWELVE = Array.from({ length: 12 }, (_, n) => `A-${n + 1}`);
  test.each([
    ["WEB-1,WEB-2", ["WEB-1", "WEB-2"]],
    ['["WEB-1","WEB-2"]', ["WEB-1", "WEB-2"]],
    ["WEB-1と OPS-2", ["WEB-1", "OPS-2"]],
    [`${LINK}WEB-1、${LINK}WEB-2`, ["WEB-1", "WEB-2"]],
    [`${LINK}WEB-1,${LINK}WEB-2`, ["WEB-1", "WEB-2"]],
    [`${LINK}WEB-1 ${LINK}WEB-2`, ["WEB-1", "WEB-2"]],
    [`${HOST}/view/WEB-1 ${LINK}WEB-2`, ["WEB-1", "WEB-2"]],
    [TWELVE.join(" "), TWELVE],
  ])("%j is several issues, one call each", (text, keys) => {
    const calls = keys.slice(0, 10).map((key) => `issue_key "${key}"`);
    const more = keys.length > 10 ? ` and ${keys.length - 10} more` : "";
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key names ${keys.length} issues, and one call reads one; one call each: ${calls.join(", ")}${more}`,
    );
  });

  const NO_ISSUE = "names no issue";
  const FILE =
    "is that of an attachment (PROJ-123#attachment-8471 opens one of PROJ-123)";
  test.each([
    ["/projects/WEB", NO_ISSUE],
    ["/view/../users", NO_ISSUE],
    ["/view/WEB-5x", NO_ISSUE],
    ["/view/my-WEB-5", NO_ISSUE],
    ["/projects/WEB/issues/WEB-5", NO_ISSUE],
    ["/find?q=about+WEB-5", NO_ISSUE],
    ["/a?b=WEB-1&c=OPS-2", "names WEB-1, OPS-2"],
    ["/file/WEB/docs/WEB-7.pdf", "is that of a file of a project"],
    ["/wiki/WEB/ISO-9001", "is that of a wiki page"],
    // Whatever stands behind # is a place of a page, not an issue.
    ["/alias/wiki/1#WEB-4", "is that of a wiki page"],
    ["/document/WEB/e/WEB-7", "is that of a document"],
    ["/git/WEB/app/blob/WEB-7", "is that of a Git repository"],
    ["/subversion/WEB?key=WEB-7", "is that of a Subversion repository"],
    ["/downloadAttachment/8471/WEB-7.png", FILE],
  ])("the address %s %s", (path, found) => {
    expect(messageOf(() => parseIssueKey(`https://${HOST}${path}`, HOST))).toBe(
      `issue_key: this address ${found}; give the key of one issue, such as PROJ-123`,
    );
  });

  test.each([
    ["other.backlog.com/view/WEB-1", "other.backlog.com"],
    ["see other.backlog.com/view/WEB-1", "other.backlog.com"],
    [
      "[other.backlog.com/view/WEB-1](https://other.backlog.com/view/WEB-1): see",
      "other.backlog.com",
    ],
    ["https://example.backlog.jp/view/WEB-1", "example.backlog.jp"],
    [`https://${HOST}.evil.example/view/WEB-1`, `${HOST}.evil.example`],
    [`https://${HOST}@evil.example/view/WEB-1`, "evil.example"],
    [`https://${HOST}:8443/view/WEB-1`, `${HOST}:8443`],
  ])("%s is refused as an address of %s", (text, other) => {
    expect(messageOf(() => parseIssueKey(text, HOST))).toBe(
      `issue_key is an address of ${other}, but this server reads ${HOST} only; each space needs an entry of its own in the client's configuration`,
    );
  });

  test.each(["comment-", "comment-1#x", "foo", "attachment-", "field-x"])(
    "the fragment #%s is refused with those that are known",
    (fragment) => {
      expect(messageOf(() => parseIssueKey(`WEB-1#${fragment}`, HOST))).toBe(
        `issue_key: nothing is known of "#${fragment}"; use WEB-1, WEB-1#description, WEB-1#comment-456 or WEB-1#attachment-8471`,
      );
    },
  );
});
