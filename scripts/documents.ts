import { check } from "../cli.ts";
import { sampleData } from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  startSampleSpace,
} from "../sample-space/server.ts";
import { readSettings } from "../settings.ts";
import { ROOT } from "./build.ts";
import { connectInProcess, parseTable, toEnvironment } from "./connect.ts";

/** The documents that show what the program really answers. */
export const DOCUMENTS = ["README.md", "README.ja.md", "docs/install.md"];

const HOST = "your-space.backlog.com";
/** A comment that names a tool's call, or `check`, and the block behind it. */
const EXAMPLE = /(<!-- (get_\w+|check) ?(\{.*\})? -->\n```text\n)[^`]*(```)/g;

/** The document with the block behind every such comment as it really comes. */
export async function fillExamples(document: string): Promise<string> {
  const examples = [...document.matchAll(EXAMPLE)];
  const answers = await Promise.all(
    examples.map(([, , name = "", args]) =>
      name === "check" ? showCheck() : answer(name, JSON.parse(args ?? "{}")),
    ),
  );
  return document.replace(
    EXAMPLE,
    (_, before, _name, _args, after) => `${before}${answers.shift()}${after}`,
  );
}

async function answer(
  tool: string,
  args: Record<string, unknown>,
  options: SampleSpaceOptions = {},
): Promise<string> {
  await using space = startSampleSpace(options);
  await using server = await connectInProcess(space);
  const { text } = await server.call(tool, args);
  return `${text.replaceAll(space.url, `https://${HOST}`).trimEnd()}\n`;
}

async function showCheck(): Promise<string> {
  await using space = startSampleSpace();
  const file = "/home/hana/.config/backlog-mcp/.env";
  const reading = readSettings({
    environment: toEnvironment(space),
    usualFiles: [],
  });
  const { text } = await check({
    reading: { ...reading, source: file, domainSource: file },
    usualFiles: [file],
  });
  return text
    .replaceAll(space.url, `https://${HOST}`)
    .replaceAll(space.host, HOST);
}

/** Where the README's picture stands. */
export const PICTURE = `${ROOT}/docs/answer.svg`;

const QUESTION = "今週が期限の課題と担当者を、急ぐ順に教えて";
const CALL = {
  assignee_names: ["anyone"],
  due_date_since: "今週",
  due_date_until: "今週",
  sort: "due_date",
  timezone: "Asia/Tokyo",
};

const WIDTH = 880;
const TOP = 186;
const ROW = 38;
/** Each column: what its head says, in the answer and here, and its place. */
const COLUMNS = [
  ["Key", "課題", 48],
  ["Title", "件名", 146],
  ["Assignee", "担当者", 470],
  ["Status", "状態", 594],
  ["Due", "期限日", 706],
] as const;

/** The picture of a question and its answer, from what the tool answers. */
export async function drawPicture(): Promise<string> {
  const data = sampleData({ japanese: true });
  const rows = parseTable(await answer("get_user_issue_list", CALL, { data }));
  const overdue = rows.filter(({ Due }) => Due?.includes("overdue")).length;
  const summary = `まだ完了していない課題が ${rows.length} 件あります。うち ${overdue} 件は期限を過ぎています。`;
  const height = TOP + (rows.length + 1) * ROW + 28;
  const asked = 18 * QUESTION.length + 40;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img" aria-label="${QUESTION}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="16"/>`,
    `<rect class="question" x="${WIDTH - 32 - asked}" y="24" width="${asked}" height="48" rx="24"/>`,
    label("asked", WIDTH - 32 - asked / 2, 54, QUESTION),
    label("call", 48, 112, "✓ backlog · get_user_issue_list"),
    label("said", 48, 152, summary),
    ...COLUMNS.map(([, name, x]) => label("head", x, TOP + 24, name)),
    ...rows.flatMap((row, index) => drawRow(row, TOP + (index + 1) * ROW)),
    "</svg>",
  ].join("\n")}\n`;
}

function drawRow({ Due = "", ...row }: Record<string, string>, y: number) {
  const due = Due.includes("overdue") ? "late" : "text";
  return [
    `<line class="rule" x1="40" x2="${WIDTH - 40}" y1="${y}" y2="${y}"/>`,
    ...COLUMNS.map(([name, , x]) => {
      if (name === "Due") return label(due, x, y + 24, toDue(Due));
      const kind = name === "Key" ? "key" : "text";
      return label(kind, x, y + 24, row[name] ?? "");
    }),
  ];
}

/** `2026-11-18 (4 days overdue)` as a person reads it. */
function toDue(due: string): string {
  return due
    .replace(/^\d+-0?(\d+)-0?(\d+)/, "$1/$2")
    .replace(/\((\d+) days? overdue\)/, "($1 日超過)")
    .replace("(today)", "(今日)");
}

function label(kind: string, x: number, y: number, text: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${Bun.escapeHTML(text)}</text>`;
}

const STYLE = `
text{font:16px "Hiragino Sans","Yu Gothic UI","Noto Sans JP","Noto Sans CJK JP",system-ui,sans-serif;fill:#1f2933}
.page{fill:#ffffff;stroke:#d9dee4}.question{fill:#2b7a5b}.rule{stroke:#e4e8ec}
.asked{font-size:18px;fill:#ffffff;text-anchor:middle}.said{font-size:18px}
.call{font-size:13px;fill:#66727f}.head{font-size:13px;fill:#66727f}
.key{fill:#2b7a5b;font-weight:600}.late{fill:#c2410c;font-weight:600}
@media (prefers-color-scheme:dark){text{fill:#e6e9ec}.page{fill:#15191e;stroke:#303841}.rule{stroke:#2a3138}
.call,.head{fill:#9aa5b1}.key{fill:#6fd3a7}.late{fill:#ff9d66}.asked{fill:#ffffff}}
`;

if (import.meta.main) {
  for (const name of DOCUMENTS) {
    const file = Bun.file(`${ROOT}/${name}`);
    await Bun.write(file, await fillExamples(await file.text()));
  }
  await Bun.write(PICTURE, await drawPicture());
}
