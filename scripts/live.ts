import { Backlog, type BacklogCall } from "../backlog.ts";
import { BacklogError } from "../errors.ts";
import { LIMITS, type Query } from "../http.ts";
import { toPlaces } from "../places.ts";
import type { Comment, IssueRow } from "../responses.ts";
import { type Connection, readSettings } from "../settings.ts";
import { fail } from "./build.ts";

/** The only words that are printed: no text of an answer is among them. */
export type Word =
  | ("yes" | "no" | "names" | "IDs" | "UTC" | "the space's zone")
  | ("from the highest" | "from the lowest" | "finds nothing")
  | ("search" | "read" | "another class" | "redirect" | "could not be tried")
  | `refused with ${number}`;

/** What the reference leaves open, in the order in which it is asked. */
const FACTS: Record<string, (probe: Probe) => Promise<Word>> = {
  "maxId of comments includes that ID": (probe) => seeEdge(probe, "maxId"),
  "minId of comments includes that ID": (probe) => seeEdge(probe, "minId"),
  "maxId of activities includes that ID": seeActivities,
  "comments/count counts entries without text": seeCount,
  "changeLog calls a status by": seeLoggedStatuses,
  "assigneeId[]=-1 finds the unassigned": (probe) =>
    seeNone(probe, { assigneeId: [-1] }, ({ assignee }) => !assignee),
  "hasDueDate=false finds those without due date": (probe) =>
    seeNone(probe, { hasDueDate: false }, ({ dueDate }) => !dueDate),
  "sort=priority, order=desc goes": seePriority,
  "updatedSince counts days in": seeZone,
  "a status of another project in a query is allowed": seeForeignStatus,
  "issues of archived projects come where no project is named": seeArchived,
  "an attachment is sent by the space itself": seeAttachment,
  "/issues is of the class": (probe) =>
    seeClass(probe, () => probe.list({ count: 1 })),
  "/issues/count is of the class": (probe) =>
    seeClass(probe, () => probe.count({})),
  "/projects is of the class": (probe) =>
    seeClass(probe, () => probe.ask((call) => call.listProjects())),
  "/users/myself is of the class": (probe) =>
    seeClass(probe, () => probe.ask((call) => call.getMyself())),
};

/** Tries every fact, one after another. */
export async function observe(connection: Connection) {
  const probe = startProbe(connection);
  const observed = await Array.fromAsync(
    Object.entries(FACTS),
    async ([fact, look]) => ({
      fact,
      observed: await look(probe).catch(toWord),
    }),
  );
  probe.end();
  return observed;
}

/** There is nothing in this space to see it by, or no more may be asked. */
class Untried extends Error {}

function giveUp(): never {
  throw new Untried();
}

function toWord(error: unknown): Word {
  if (error instanceof Untried) return "could not be tried";
  if (!(error instanceof BacklogError)) throw error;
  const { status = 0 } = error;
  if (status >= 400) return `refused with ${status}`;
  return status >= 300 ? "redirect" : "could not be tried";
}

type Probe = ReturnType<typeof startProbe>;

/** Asks the space, and remembers what several facts are seen in. */
function startProbe(connection: Connection) {
  // A repetition would not be counted; the whole takes longer than a call.
  const limits = { ...LIMITS, attempts: 1, callMs: 300_000 };
  const call = new Backlog(connection, limits).open();
  const most = { search: 0, read: 0 };
  /** Sends one request, unless half of what a minute allows is used. */
  const ask = async <Value>(send: (call: BacklogCall) => Promise<Value>) => {
    for (const rate of ["search", "read"] as const) {
      const left = call.remaining(rate) ?? most[rate];
      most[rate] = Math.max(left, most[rate]);
      if (left < most[rate] / 2) giveUp();
    }
    return await send(call);
  };
  const list = async (query: Query) =>
    (await ask((call) => call.listIssues(query))).entries;
  const count = (query: Query) => ask((call) => call.countIssues(query));
  const issues = once(() =>
    list({ sort: "updated", order: "desc", count: 100 }),
  );
  /** The thread of a few that has most entries, or two and a status. */
  const comments = once(async () => {
    let best: [issueKey: string, Comment[]] = ["", []];
    for (const { issueKey } of (await issues()).slice(0, 5)) {
      const query = { order: "desc", count: 100 } as const;
      const thread = await ask((call) => call.listComments(issueKey, query));
      const { entries } = thread;
      if (entries.length > best[1].length) best = [issueKey, entries];
      if (toStatuses(entries).length > 0 && entries.length > 1) break;
    }
    return best[1].length > 0 ? best : giveUp();
  });
  const projects = once(() => ask((call) => call.listProjects()));
  const end = () => call.end();
  return { ask, list, count, issues, comments, projects, end };
}

function once<Value>(get: () => Promise<Value>): () => Promise<Value> {
  let got: Promise<Value> | undefined;
  return () => {
    got ??= get();
    return got;
  };
}

/** The new statuses in the change logs. */
function toStatuses(comments: readonly Comment[]): string[] {
  return comments
    .flatMap(({ changeLog }) => changeLog ?? [])
    .filter(({ field }) => field === "status")
    .flatMap(({ newValue }) => newValue ?? []);
}

function yesOrNo(holds: boolean): Word {
  return holds ? "yes" : "no";
}

function has({ entries }: { entries: { id: number }[] }, id: number): Word {
  return yesOrNo(entries.some((entry) => entry.id === id));
}

async function seeEdge({ ask, comments }: Probe, edge: "minId" | "maxId") {
  const [issueKey, [first]] = await comments();
  const id = first?.id ?? giveUp();
  const order = edge === "minId" ? "asc" : "desc";
  const query = { [edge]: id, order, count: 2 } as const;
  return has(await ask((call) => call.listComments(issueKey, query)), id);
}

async function seeActivities({ ask }: Probe) {
  const me = await ask((call) => call.getMyself());
  const list = (maxId?: number) =>
    ask((call) => call.listActivities(me.id, { maxId, count: 2 }));
  const id = (await list()).entries[0]?.id ?? giveUp();
  return has(await list(id), id);
}

async function seeCount({ ask, comments }: Probe) {
  const [issueKey, entries] = await comments();
  const isTold = entries.every(({ content }) => content);
  if (entries.length === 100 || isTold) giveUp();
  const count = await ask((call) => call.countComments(issueKey));
  return yesOrNo(count === entries.length);
}

async function seeLoggedStatuses({ comments }: Probe): Promise<Word> {
  const statuses = toStatuses((await comments())[1]);
  if (statuses.length === 0) giveUp();
  return statuses.every((status) => /^\d+$/.test(status)) ? "IDs" : "names";
}

/** Of a filter that no reference names: what it does to a page. */
async function seeNone(
  { issues, list }: Probe,
  filter: Query,
  isNone: (issue: IssueRow) => boolean,
): Promise<Word> {
  const isThere = (await issues()).some(isNone);
  const found = await list({ ...filter, count: 100 });
  if (found.length > 0) return yesOrNo(found.every(isNone));
  return isThere ? "finds nothing" : giveUp();
}

async function seePriority({ list }: Probe): Promise<Word> {
  const first = async (order: "asc" | "desc") => {
    const [issue] = await list({ sort: "priority", order, count: 1 });
    return issue?.priority?.id ?? giveUp();
  };
  const [highest, lowest] = [await first("desc"), await first("asc")];
  if (highest === lowest) giveUp();
  // High is 2, Low is 4.
  return highest < lowest ? "from the highest" : "from the lowest";
}

async function seeZone({ ask, count, issues }: Probe): Promise<Word> {
  const { timezone } = await ask((call) => call.getSpace());
  if (!timezone) giveUp();
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone });
  for (const { id, updated } of await issues()) {
    if (!updated) continue;
    const inSpace = day.format(Date.parse(updated));
    const inUtc = updated.slice(0, 10);
    if (inSpace === inUtc) continue;
    // Only where the later of the two days is meant, it is found.
    const isLater = inSpace > inUtc;
    const updatedSince = isLater ? inSpace : inUtc;
    const isFound = (await count({ id: [id], updatedSince })) > 0;
    return isFound === isLater ? "the space's zone" : "UTC";
  }
  return giveUp();
}

async function seeForeignStatus({
  ask,
  count,
  projects,
}: Probe): Promise<Word> {
  const [one, other] = (await projects()).filter((p) => !p.archived);
  if (!one || !other) giveUp();
  const statuses = await ask((call) =>
    call.listProjectChoices(other.projectKey, "statuses"),
  );
  const foreign = statuses.find(({ id }) => id > 4)?.id ?? giveUp();
  await count({ projectId: [one.id], statusId: [1, foreign] });
  return "yes";
}

async function seeArchived({ count, list, projects }: Probe) {
  const archived = (await projects()).filter(({ archived }) => archived);
  const projectId = archived.map(({ id }) => id);
  if (projectId.length === 0) giveUp();
  const [issue] = await list({ projectId, count: 1 });
  return yesOrNo((await count({ id: [issue?.id ?? giveUp()] })) > 0);
}

const SMALL_FILE = 1024 * 1024;

async function seeAttachment({ ask, list }: Probe): Promise<Word> {
  const [issue] = await list({ attachment: true, count: 1 });
  const { id, issueKey } = issue ?? giveUp();
  const { attachments } = await ask((call) => call.getIssue(`${id}`));
  const small = attachments?.find(({ size }) => size && size <= SMALL_FILE);
  const file = small?.id ?? giveUp();
  await ask((call) => call.getAttachment(issueKey, file, SMALL_FILE));
  return "yes";
}

/** By what is left of each class before and after. */
async function seeClass({ ask }: Probe, send: () => Promise<unknown>) {
  const left = async () => {
    const { rateLimit } = await ask((call) => call.getRateLimit());
    const { read, search } = rateLimit;
    return read && search ? { read, search } : giveUp();
  };
  const before = await left();
  await send();
  const after = await left();
  // A new minute has begun in between.
  if (before.read.reset !== after.read.reset) giveUp();
  const used = (rate: "read" | "search") =>
    before[rate].remaining - after[rate].remaining;
  if (used("search") > 0) return "search";
  // The question itself may count, as one.
  return used("read") > 1 ? "read" : "another class";
}

async function main(): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new Error("bun run live asks nothing without a terminal.");
  }
  const { settings, problems } = readSettings(toPlaces());
  if (!settings) throw new Error(`not configured: ${problems.join("; ")}`);
  // What will be asked, for a person to agree to.
  console.error(
    [
      `This asks ${settings.host} at most 40 questions, each a GET, with your own settings, to see:`,
      ...Object.keys(FACTS).map((fact) => `- ${fact}`),
      "It stops at half of what a minute allows. It prints no text of an answer.",
    ].join("\n"),
  );
  if (prompt("Go on? (yes)") !== "yes") return;
  const observed = await observe(settings);
  process.stdout.write(`${Bun.inspect.table(observed)}\n`);
}

if (import.meta.main) await main().catch(fail);
