import { Backlog, type BacklogCall, LIMITS, type Query } from "../backlog.ts";
import { BacklogError, toMessage } from "../errors.ts";
import { listUsualFiles, toManagedFile } from "../places.ts";
import type { Comment, IssueRow, Project } from "../responses.ts";
import { type Connection, LiveSettings, toRemedy } from "../settings.ts";

/** The only words that are printed: no text of an answer is among them. */
export type Word =
  | "yes"
  | "no"
  | "names"
  | "IDs"
  | "the space's zone"
  | "UTC"
  | "from the highest"
  | "from the lowest"
  | "finds nothing"
  | "search"
  | "read"
  | "another class"
  | "redirect"
  | "could not be tried"
  | `refused with ${number}`;

interface Fact {
  name: string;
  /** What this program takes for granted, or how it is right either way. */
  assumed: Word | "either";
  observe: (probe: Probe) => Promise<Word>;
}

export interface Observation {
  fact: string;
  assumed: string;
  observed: Word;
}

const MOST_REQUESTS = 40;

/** What the reference leaves open, in the order in which it is asked. */
export const FACTS: readonly Fact[] = [
  {
    name: "maxId of comments includes that ID",
    assumed: "either",
    observe: (probe) => observeEdge(probe, "maxId"),
  },
  {
    name: "minId of comments includes that ID",
    assumed: "either",
    observe: (probe) => observeEdge(probe, "minId"),
  },
  {
    name: "maxId of activities includes that ID",
    assumed: "either",
    observe: observeActivities,
  },
  {
    name: "comments/count counts entries without text",
    assumed: "yes",
    observe: observeCount,
  },
  {
    name: "changeLog calls a status by",
    assumed: "either",
    observe: observeStatus,
  },
  {
    name: "assigneeId[]=-1 finds the unassigned",
    assumed: "either",
    observe: (probe) =>
      observeNone(probe, { assigneeId: [-1] }, ({ assignee }) => !assignee),
  },
  {
    name: "hasDueDate=false finds those without due date",
    assumed: "either",
    observe: (probe) =>
      observeNone(probe, { hasDueDate: false }, ({ dueDate }) => !dueDate),
  },
  {
    name: "sort=priority, order=desc goes",
    assumed: "either",
    observe: observePriority,
  },
  {
    name: "updatedSince counts days in",
    assumed: "either",
    observe: observeZone,
  },
  {
    name: "a status of another project in a query is allowed",
    assumed: "either",
    observe: observeStatuses,
  },
  {
    name: "issues of archived projects come where no project is named",
    assumed: "either",
    observe: observeArchived,
  },
  {
    name: "an attachment is sent by the space itself",
    assumed: "either",
    observe: observeAttachment,
  },
  toClassFact("/issues", "search", ({ call }) => call.listIssues({ count: 1 })),
  toClassFact("/issues/count", "search", ({ call }) => call.countIssues({})),
  toClassFact("/projects", "read", ({ call }) => call.listProjects()),
  toClassFact("/users/myself", "read", ({ call }) => call.getMyself()),
];

function toClassFact(
  path: string,
  assumed: Word,
  ask: (probe: Probe) => Promise<unknown>,
): Fact {
  return {
    name: `${path} is of the class`,
    assumed,
    observe: (probe) => observeClass(probe, () => ask(probe)),
  };
}

/** Asked no more, since half of what a minute allows is used, or 40 are sent. */
class Enough extends Error {}

/** Asks the space, and remembers what several facts are seen in. */
class Probe {
  readonly call: BacklogCall;
  #sent = 0;
  readonly #atFirst = new Map<"search" | "read", number>();
  #issues: Promise<IssueRow[]> | undefined;
  #projects: Promise<Project[]> | undefined;
  #comments: Promise<[IssueRow, Comment[]]> | undefined;

  constructor(connection: Connection) {
    // A repetition would not be counted; the whole takes longer than a call.
    const limits = { ...LIMITS, attempts: 1, callMs: 300_000 };
    this.call = new Backlog(connection, limits).open();
  }

  /** Counts a request before it is sent. */
  async ask<Value>(send: (call: BacklogCall) => Promise<Value>) {
    for (const rate of ["search", "read"] as const) {
      const left = this.call.remaining(rate);
      if (left === undefined) continue;
      const first = this.#atFirst.get(rate) ?? left;
      this.#atFirst.set(rate, Math.max(first, left));
      if (left < first / 2) throw new Enough();
    }
    if (this.#sent >= MOST_REQUESTS) throw new Enough();
    this.#sent += 1;
    return await send(this.call);
  }

  list(query: Query): Promise<IssueRow[]> {
    const send = (call: BacklogCall) => call.listIssues(query);
    return this.ask(send).then(({ entries }) => entries);
  }

  /** The newest hundred of all. */
  issues(): Promise<IssueRow[]> {
    this.#issues ??= this.list({ sort: "updated", order: "desc", count: 100 });
    return this.#issues;
  }

  projects(): Promise<Project[]> {
    this.#projects ??= this.ask((call) => call.listProjects());
    return this.#projects;
  }

  /** The first of a few issues that has several comments. */
  comments(): Promise<[IssueRow, Comment[]]> {
    this.#comments ??= this.#findComments();
    return this.#comments;
  }

  async #findComments(): Promise<[IssueRow, Comment[]]> {
    let best: [IssueRow, Comment[]] | undefined;
    for (const issue of (await this.issues()).slice(0, 5)) {
      const { entries } = await this.ask((call) =>
        call.listComments(issue.issueKey, { order: "desc", count: 100 }),
      );
      if (!best || entries.length > best[1].length) best = [issue, entries];
      if (findStatuses(entries).length > 0 && entries.length > 1) break;
    }
    return best ?? fail();
  }
}

/** There is nothing in this space to see it by. */
class Untried extends Error {}

function fail(): never {
  throw new Untried();
}

async function observeEdge(
  probe: Probe,
  edge: "minId" | "maxId",
): Promise<Word> {
  const [{ issueKey }, [first]] = await probe.comments();
  const id = first?.id ?? fail();
  const { entries } = await probe.ask((call) =>
    call.listComments(issueKey, {
      [edge]: id,
      order: edge === "minId" ? "asc" : "desc",
      count: 2,
    }),
  );
  return entries.some((entry) => entry.id === id) ? "yes" : "no";
}

async function observeActivities(probe: Probe): Promise<Word> {
  const me = await probe.ask((call) => call.getMyself());
  const list = (maxId?: number) =>
    probe.ask((call) =>
      call.listActivities(`/users/${me.id}/activities`, { maxId, count: 2 }),
    );
  const [first] = (await list()).entries;
  const id = first?.id ?? fail();
  const { entries } = await list(id);
  return entries.some((entry) => entry.id === id) ? "yes" : "no";
}

async function observeCount(probe: Probe): Promise<Word> {
  const [{ issueKey }, comments] = await probe.comments();
  const said = comments.filter(({ content }) => content).length;
  if (comments.length === 100 || said === comments.length) fail();
  const count = await probe.ask((call) => call.countComments(issueKey));
  return count === comments.length ? "yes" : "no";
}

function findStatuses(comments: readonly Comment[]): string[] {
  return comments
    .flatMap(({ changeLog }) => changeLog ?? [])
    .filter(({ field }) => field === "status")
    .flatMap(({ newValue }) => newValue ?? []);
}

async function observeStatus(probe: Probe): Promise<Word> {
  const [, comments] = await probe.comments();
  const statuses = findStatuses(comments);
  if (statuses.length === 0) fail();
  return statuses.every((status) => /^\d+$/.test(status)) ? "IDs" : "names";
}

/** Of a filter that no reference names: what it does to a page. */
async function observeNone(
  probe: Probe,
  filter: Query,
  isNone: (issue: IssueRow) => boolean,
): Promise<Word> {
  const known = (await probe.issues()).filter(isNone);
  const found = await probe.list({ ...filter, count: 100 });
  if (found.length === 0) return known.length > 0 ? "finds nothing" : fail();
  return found.every(isNone) ? "yes" : "no";
}

async function observePriority(probe: Probe): Promise<Word> {
  const first = async (order: "asc" | "desc") => {
    const [issue] = await probe.list({ sort: "priority", order, count: 1 });
    return issue?.priority?.id ?? fail();
  };
  const [highest, lowest] = [await first("desc"), await first("asc")];
  if (highest === lowest) fail();
  // High is 2, Low is 4.
  return highest < lowest ? "from the highest" : "from the lowest";
}

async function observeZone(probe: Probe): Promise<Word> {
  const { timezone } = await probe.ask((call) => call.getSpace());
  if (!timezone) fail();
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone });
  for (const { id, updated } of await probe.issues()) {
    const days = updated
      ? [day.format(Date.parse(updated)), updated.slice(0, 10)]
      : [];
    const [inSpace = "", inUtc = ""] = days;
    if (inSpace === inUtc) continue;
    // Only where the later of the two days is meant, it is found.
    const [, updatedSince] = [inSpace, inUtc].sort();
    const query = { id: [id], updatedSince };
    const found = (await probe.ask((call) => call.countIssues(query))) > 0;
    return found === inSpace > inUtc ? "the space's zone" : "UTC";
  }
  return fail();
}

async function observeStatuses(probe: Probe): Promise<Word> {
  const [one, other] = (await probe.projects()).filter((p) => !p.archived);
  if (!one || !other) fail();
  const statuses = await probe.ask((call) =>
    call.listProjectChoices(other.projectKey, "statuses"),
  );
  const foreign = statuses.find(({ id }) => id > 4)?.id ?? fail();
  const query = { projectId: [one.id], statusId: [1, foreign] };
  await probe.ask((call) => call.countIssues(query));
  return "yes";
}

async function observeArchived(probe: Probe): Promise<Word> {
  const projects = await probe.projects();
  const projectId = projects
    .filter(({ archived }) => archived)
    .map(({ id }) => id);
  if (projectId.length === 0) fail();
  const [issue] = await probe.list({ projectId, count: 1 });
  const query = { id: [issue?.id ?? fail()] };
  const count = await probe.ask((call) => call.countIssues(query));
  return count > 0 ? "yes" : "no";
}

const SMALL_FILE = 1024 * 1024;

async function observeAttachment(probe: Probe): Promise<Word> {
  const [issue] = await probe.list({ attachment: true, count: 1 });
  const { id, issueKey } = issue ?? fail();
  const { attachments } = await probe.ask((call) => call.getIssue(`${id}`));
  const small = attachments?.find(({ size }) => size && size <= SMALL_FILE);
  const file = small?.id ?? fail();
  try {
    await probe.ask((call) => call.getAttachment(issueKey, file, SMALL_FILE));
  } catch (error) {
    const { status = 0 } = error instanceof BacklogError ? error : {};
    if (status >= 300 && status < 400) return "redirect";
    throw error;
  }
  return "yes";
}

/** By what is left of each class before and after. */
async function observeClass(
  probe: Probe,
  send: () => Promise<unknown>,
): Promise<Word> {
  const left = async () => {
    const { rateLimit } = await probe.ask((call) => call.getRateLimit());
    const { read, search } = rateLimit;
    return read && search ? { read, search } : fail();
  };
  const before = await left();
  await probe.ask(send);
  const after = await left();
  // A new minute has begun in between.
  if (before.read.reset !== after.read.reset) fail();
  const used = (rate: "read" | "search") =>
    before[rate].remaining - after[rate].remaining;
  if (used("search") > 0) return "search";
  // The question itself may count, as one.
  return used("read") > 1 ? "read" : "another class";
}

/** Tries every fact; each is a word of the list, a status code at the most. */
export async function observe(connection: Connection): Promise<Observation[]> {
  const probe = new Probe(connection);
  const observations: Observation[] = [];
  for (const { name, assumed, observe: look } of FACTS) {
    observations.push({
      fact: name,
      assumed,
      observed: await look(probe).catch(toWord),
    });
  }
  probe.call.end();
  return observations;
}

function toWord(error: unknown): Word {
  if (error instanceof Untried || error instanceof Enough) {
    return "could not be tried";
  }
  if (!(error instanceof BacklogError)) throw error;
  const { status = 0 } = error;
  return status >= 400 ? `refused with ${status}` : "could not be tried";
}

/** What will be asked, for a person to agree to. */
export function describePlan(host: string): string {
  return [
    `This asks ${host} at most ${MOST_REQUESTS} questions, each a GET, with your own settings, to see:`,
    ...FACTS.map(({ name }) => `- ${name}`),
    "It stops at half of what a minute allows. It prints no text of an answer.",
  ].join("\n");
}

async function main(): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new Error("bun run live asks nothing without a terminal.");
  }
  const live = new LiveSettings({
    environment: process.env,
    usualFiles: listUsualFiles(process.env),
    managedFile: toManagedFile(process.platform),
  });
  const reading = await live.read();
  const { settings } = reading;
  if (!settings) throw new Error(toRemedy(reading, reading.source));
  console.error(describePlan(settings.host));
  if (prompt("Go on? (yes)") !== "yes") return;
  const observations = await observe(live.toConnection(settings));
  process.stdout.write(`${Bun.inspect.table(observations)}\n`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(`live: ${toMessage(error)}`);
    process.exitCode = 1;
  });
}
