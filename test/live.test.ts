import { expect, test } from "bun:test";
import {
  addComment,
  addThread,
  type SpaceData,
  sampleData,
} from "../sample-space/data.ts";
import {
  type SampleSpaceOptions,
  type Switches,
  startSampleSpace,
} from "../sample-space/server.ts";
import { observe, type Word } from "../scripts/live.ts";
import { commentsOf } from "./helpers.ts";

/** A space in which every fact can be seen. */
function whole(change?: (data: SpaceData) => void) {
  const data = sampleData();
  addComment(data, "WEB-12", {
    ...{ by: "ken", at: "2026-11-21T16:00:00Z" },
    changes: [["status", "In Progress", "Resolved"]],
  });
  change?.(data);
  return data;
}

async function look(options: SampleSpaceOptions = {}) {
  await using space = startSampleSpace({ data: whole(), ...options });
  const found = await observe({ origin: space.url, apiKey: space.apiKey });
  const words = found.map(({ fact, observed }) => [fact, observed] as const);
  return { found: new Map<string, Word>(words), requests: space.requests };
}

async function lookAt(fact: string, options: SampleSpaceOptions) {
  const { found } = await look(options);
  return [...found].find(([name]) => name.startsWith(fact))?.[1];
}

test("of every fact a word is told, for a few reading requests", async () => {
  const { found, requests } = await look();
  expect(Object.fromEntries(found)).toMatchInlineSnapshot(`
    {
      "/issues is of the class": "search",
      "/issues/count is of the class": "search",
      "/projects is of the class": "read",
      "/users/myself is of the class": "read",
      "a status of another project in a query is allowed": "yes",
      "an attachment is sent by the space itself": "yes",
      "assigneeId[]=-1 finds the unassigned": "yes",
      "changeLog calls a status by": "names",
      "comments/count counts entries without text": "yes",
      "hasDueDate=false finds those without due date": "yes",
      "issues of archived projects come where no project is named": "yes",
      "maxId of activities includes that ID": "no",
      "maxId of comments includes that ID": "no",
      "minId of comments includes that ID": "no",
      "sort=priority, order=desc goes": "from the lowest",
      "updatedSince counts days in": "the space's zone",
    }
  `);
  expect(requests.length).toBeLessThanOrEqual(40);
  expect(requests.every(({ method }) => method === "GET")).toBe(true);
});

const CASES: [fact: string, Partial<Switches>, Word][] = [
  ["maxId of comments", { idsInclusive: true }, "yes"],
  ["minId of comments", { idsInclusive: true }, "yes"],
  ["maxId of activities", { idsInclusive: true }, "yes"],
  ["maxId of activities", { activities: "refused" }, "refused with 403"],
  ["comments/count", { countIncludesChanges: false }, "no"],
  ["assigneeId[]=-1", { nobody: "ignored" }, "no"],
  ["assigneeId[]=-1", { nobody: "finds nothing" }, "finds nothing"],
  ["hasDueDate", { noDueDate: "ignored" }, "no"],
  ["sort=", { priorityDescends: "from the highest" }, "from the highest"],
  ["updatedSince", { days: "UTC" }, "UTC"],
  ["a status of", { mixedStatuses: "refused" }, "refused with 400"],
  ["issues of archived", { archivedIssues: false }, "no"],
];

test.each(CASES)("%s where %j: %s", async (fact, switches, word) => {
  expect(await lookAt(fact, { switches })).toBe(word);
});

const WEST = whole((data) => {
  data.space.timezone = "America/New_York";
});
const LOGGED = whole((data) => {
  for (const { changeLog } of commentsOf(data, "WEB-12")) {
    for (const change of changeLog ?? []) change.newValue = "3";
  }
});
const LONG = whole((data) => addThread(data, "WEB-12", 120));

const ELSEWHERE = Response.redirect("https://files.corp.example/x", 302);

/** Answers itself what is asked of a path. */
function at(part: string, answer: () => Response): SampleSpaceOptions {
  return { answer: (_, path) => (path.includes(part) ? answer() : undefined) };
}

test.each<[fact: string, SampleSpaceOptions, Word]>([
  ["comments/count", { data: LONG }, "could not be tried"],
  ["changeLog calls", { data: LOGGED }, "IDs"],
  ["updatedSince", { data: WEST }, "the space's zone"],
  ["updatedSince", { data: WEST, switches: { days: "UTC" } }, "UTC"],
  ["an attachment", at("/attachments/", () => ELSEWHERE), "redirect"],
  ["/projects", at("/projects", () => Response.json([])), "another class"],
])("%s of another space, %#", async (fact, options, word) => {
  expect(await lookAt(fact, options)).toBe(word);
});

test("in an empty space nothing can be seen but the classes", async () => {
  const data = { ...sampleData(), issues: [], projects: [] };
  const { found } = await look({ data });
  const untried = [...found.keys()].filter((fact) => !fact.startsWith("/"));
  for (const fact of untried) {
    expect([fact, found.get(fact)]).toEqual([fact, "could not be tried"]);
  }
});

test("what fails is not asked again", async () => {
  const failure = () => new Response("", { status: 503 });
  const { found, requests } = await look(at("/", failure));
  expect([...new Set(found.values())]).toEqual(["refused with 503"]);
  expect(requests.length).toBeLessThan(found.size);
});

test("it ends at half of what a class has left", async () => {
  const rateLimit = { search: 6, read: 600, resetInSeconds: 60 };
  const { found, requests } = await look({ rateLimit });
  const isSearch = /^\/issues(\/count)?$/;
  const searches = requests.filter(({ path }) => isSearch.test(path));
  expect(searches.length).toBeLessThanOrEqual(4);
  expect([...found.values()]).toContain("could not be tried");
});
