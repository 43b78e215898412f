import { describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { CLIENTS, formatConfig, toClientFile } from "../clients.ts";
import { ROOT } from "../scripts/build.ts";
import {
  DOCUMENTS,
  drawPicture,
  fillExamples,
  PICTURE,
} from "../scripts/documents.ts";
import { SETTINGS as FIELDS } from "../scripts/doors.ts";
import { IssueDetailsSchema, IssueListSchema } from "../tools.ts";

const readme = await read("README.md");
const japanese = await read("README.ja.md");
const clients = await read("docs/clients.md");
const errors = await read("docs/errors.md");

function read(path: string): Promise<string> {
  return Bun.file(`${ROOT}/${path}`).text();
}

/** The part under a heading, up to the next one of its level, or a part's. */
function section(document: string, heading: string): string {
  const level = Math.max(heading.indexOf(" "), 2);
  const start = `\n${document}`.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`There is no ${heading}`);
  const rest = start + heading.length + 1;
  const next = new RegExp(`^#{1,${level}} `, "m");
  const length = toOutline(document).slice(rest).search(next);
  return document.slice(rest, length < 0 ? undefined : rest + length);
}

/** At the same places, but without what looks like a heading in an example. */
function toOutline(document: string): string {
  return document.replace(/^```[\s\S]*?^```/gm, (block) =>
    block.replaceAll("#", " "),
  );
}

describe("what the documents show is what really comes", () => {
  test.each(DOCUMENTS)("%s", async (name) => {
    const document = await read(name);
    expect(document).toBe(await fillExamples(document));
  });

  test("the picture is drawn from the tool's answer", async () => {
    expect(await Bun.file(PICTURE).text()).toBe(await drawPicture());
  });

  test("the first lines say that it can only read", () => {
    expect(readme.split("![")[0]).toContain("It can only read");
    expect(japanese.split("![")[0]).toContain("読むことだけ");
  });
});

/** Each heading in both languages, in the order of the documents. */
const HEADINGS = [
  ["# backlog-mcp", "# backlog-mcp"],
  ["## Without a terminal", "## ターミナルを使わない場合"],
  ["## With a terminal", "## ターミナルを使う場合"],
  ["## Ask it", "## 聞いてみる"],
  ["## What the assistant reads", "## アシスタントが読むもの"],
  ["## This or Nulab's own server?", "## ヌーラボ公式のサーバーとの違い"],
  ["## Safety", "## 安全について"],
  ["## When something goes wrong", "## うまくいかないとき"],
  ["## What it does not do", "## できないこと"],
] as const;

describe("README.md and README.ja.md are in step", () => {
  test("have the same headings in the same order", () => {
    const known: string[] = HEADINGS.map(([english]) => english);
    const headings = (document: string) =>
      toOutline(document).match(/^#+ .*$/gm) ?? [];
    const shared = headings(readme).filter((one) => known.includes(one));
    expect(shared).toEqual(known);
    expect(headings(japanese).slice(0, HEADINGS.length)).toEqual(
      HEADINGS.map(([, heading]) => heading),
    );
  });

  test("have the same questions, each in both languages", () => {
    const rows = (heading: string, document: string) =>
      [...section(document, heading).matchAll(/^\| (.+) \| (.+) \|$/gm)].map(
        ([, one, other]) => [one, other],
      );
    expect(rows("## 聞いてみる", japanese)).toEqual(
      rows("## Ask it", readme).map((row) => row.toReversed()),
    );
  });

  test("name the fields as the form does", () => {
    for (const { title } of FIELDS.filter(({ required }) => required)) {
      for (const document of [readme, japanese]) {
        expect(document).toContain(`- **${title}**: `);
      }
    }
  });

  test.each(HEADINGS)("%s has the same code, figures and names", (...pair) => {
    const english = section(readme, pair[0]);
    const heading = section(japanese, pair[1]);
    const [one, other] = [english, heading].map((part) => ({
      blocks: part.match(BLOCK),
      figures: part.replace(BLOCK, "").match(FIGURES)?.toSorted(),
    }));
    expect(other).toEqual(one);
  });
});

const BLOCK = /```[\s\S]*?```/g;
/** Numbers with what they count, and what stands between backquotes. */
const FIGURES = /`[^`]+`|\d+(?:[.,]\d+)*(?: (?:ms|kB|MB|MiB))?/g;

test.each([
  ...["README.md", "README.ja.md", "SECURITY.md", "CONTRIBUTING.md"],
  ...["clients", "company", "errors", "install", "speed"].map(
    (name) => `docs/${name}.md`,
  ),
])("every link of %s leads somewhere", async (name) => {
  for (const [, link = ""] of (await read(name)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const [path, anchor] = link.split("#");
    const target = path ? join(dirname(name), path) : name;
    const exists = await Bun.file(`${ROOT}/${target}`).exists();
    expect([link, exists]).toEqual([link, true]);
    if (anchor) expect(toAnchors(await read(target))).toContain(anchor);
  }
});

/** As GitHub makes them of headings. */
function toAnchors(document: string): string[] {
  return (document.match(/^#+ .*$/gm) ?? []).map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/clients.md", () => {
  test.each([
    ["json", undefined],
    ["json", "vscode"],
    ["sh", "claude-code"],
    ["toml", "codex"],
  ] as const)(
    "has the %s block that config prints for %s",
    (language, client) => {
      const server = { command: "/home/hana/.local/bin/backlog-mcp" };
      const block = formatConfig(client, server, "linux");
      expect(clients).toContain(`\`\`\`${language}\n${block}\`\`\``);
    },
  );

  test.each(
    CLIENTS.filter((client) => client !== "claude-code" && client !== "vscode"),
  )("names the file of %s", (client) => {
    const system = { platform: "linux", environment: {}, home: "~" };
    expect(clients).toContain(`\`${toClientFile(client, system)}\``);
  });

  test.each(FIELDS)("names the setting $variable", ({ variable }) => {
    expect(clients).toContain(`| \`${variable}\` |`);
  });
});

test.each([
  ["get_issue_details", IssueDetailsSchema.shape],
  ["get_user_issue_list", IssueListSchema.shape],
])(
  "README.md's table names every argument of %s and no other",
  (tool, shape) => {
    const part = section(readme, `### \`${tool}\``);
    const rows = part.match(/^\| `[^|]*\|/gm) ?? [];
    const named = rows.flatMap((row) => row.match(/(?<=`)\w+(?=`)/g) ?? []);
    expect(named.toSorted()).toEqual(Object.keys(shape).toSorted());
  },
);

test("every message that is explained is one that another test brings about", async () => {
  let tests = "";
  for (const name of new Bun.Glob("test/*.test.ts").scanSync(ROOT)) {
    if (!name.endsWith("readme.test.ts")) tests += await read(name);
  }
  const explained = [...errors.matchAll(/^\| `([^`]+)` \| .* \| .* \|$/gm)];
  expect(explained.length).toBeGreaterThan(15);
  for (const [, message = ""] of explained) expect(tests).toContain(message);
  const heading = "## When something goes wrong";
  const rows = section(readme, heading).match(/^\| `.*$/gm) ?? [];
  expect(rows).toHaveLength(5);
  for (const row of rows) expect(errors).toContain(row);
});
