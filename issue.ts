import { type BacklogCall, CLOSED, PAGE_SIZE } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { type Children, listInstants, toFieldDay } from "./facts.ts";
import {
  type Focus,
  type IssueReference,
  isContinued,
  isPart,
  showsThread,
} from "./issue-key.ts";
import {
  type KnownIssue,
  listRows,
  planTimeline,
  type Timeline,
  type View,
} from "./issue-text.ts";
import { differsPlainly } from "./matching.ts";
import type { Issue, IssueRow } from "./responses.ts";
import { quote } from "./text.ts";
import {
  fitEntries,
  openThread,
  readStatuses,
  readThread,
  type Thread,
} from "./thread.ts";

/**
 * An issue with everything about it, and as much of its timeline as can be
 * shown. Whatever needs no other answer is asked for at once.
 */
export async function getIssueDetails(
  call: BacklogCall,
  asked: IssueReference & { title?: string | undefined },
  view: View,
): Promise<{ known: KnownIssue; timeline: Timeline }> {
  const { idOrKey, focus } = asked;
  const streams = openThread(call, idOrKey, focus);
  const isWhole = !isContinued(focus);
  const [issue, related, count] = await Promise.all([
    call.getIssue(idOrKey),
    isWhole ? valueOrError(call.listRelatedIssues(idOrKey)) : [],
    showsThread(focus) ? valueOrError(call.countComments(idOrKey)) : undefined,
    ...streams.map((stream) => stream.prefetch(isPart(focus) ? 1 : PAGE_SIZE)),
  ]);
  noteTitles(call, issue, asked);
  const counted = call.keep("The number of comments", count);
  call.expect(counted);
  const facts = {
    issue,
    address: `${call.origin}/view/${issue.issueKey}`,
    related: keepRelated(call, related),
    ...(isWhole ? await readFamily(call, issue) : NO_FAMILY),
  };
  const frame = { key: issue.issueKey, focus };
  const plan = planTimeline(facts, view);
  const thread = await readThread(call, streams, {
    ...frame,
    ...plan,
    counted,
  });
  for (const { failure } of streams) call.keep("Some comments", failure);
  // What could not be read may still be there.
  if (streams.every(({ failure }) => failure === undefined)) {
    noteFocus(call, { issue, focus }, thread);
  }
  const rows = listRows(facts);
  const [spaceTimeZone, statuses] = await Promise.all([
    call.getTimeZone(listDays(issue, rows, thread)),
    readStatuses(call, [issue, ...rows], [{ ...issue, ...thread }]),
  ]);
  const { comments } = thread;
  const known = { ...facts, spaceTimeZone, statuses, comments };
  const timeline = fitEntries(thread, {
    ...frame,
    ...planTimeline(known, view),
  });
  return { known, timeline };
}

/** Says so where the issue is plainly not called what was expected. */
function noteTitles(
  call: BacklogCall,
  { issueKey, summary }: Issue,
  { title, words }: { title?: string | undefined; words?: string },
): void {
  const names = { issue_title: title, "the text around the key": words };
  for (const [name, text] of Object.entries(names)) {
    if (!text || !differsPlainly(text, summary)) continue;
    call.notes.add(
      `${name} ${quote(text, 200)} is not the title of ${issueKey}: make sure that it is the issue meant.`,
    );
  }
}

function keepRelated(
  call: BacklogCall,
  related: readonly IssueRow[] | BacklogError,
): readonly IssueRow[] {
  // An older or smaller space has no related issues at all.
  const isAbsent = related instanceof BacklogError && related.status === 404;
  return (isAbsent ? [] : call.keep("Related issues", related)) ?? [];
}

const NO_FAMILY = { parent: undefined, children: undefined };

async function readFamily(call: BacklogCall, issue: Issue) {
  const { parentIssueId } = issue;
  const [parent, children] = await Promise.all([
    parentIssueId
      ? valueOrError(call.getIssueRow(`${parentIssueId}`))
      : undefined,
    valueOrError(getChildren(call, issue)),
  ]);
  return {
    parent: call.keep(`The parent (ID ${parentIssueId})`, parent),
    children: call.keep("The children", children),
  };
}

async function getChildren(
  call: BacklogCall,
  { id, childIssueSummary }: Issue,
): Promise<Children | undefined> {
  if (childIssueSummary?.total === 0) return undefined;
  const filter = { parentIssueId: [id] };
  const { entries, sent } = await call.listIssues({
    ...filter,
    sort: "created",
    order: "asc",
    count: PAGE_SIZE,
  });
  const received = sent.length;
  if (received === 0 && !childIssueSummary) return undefined;
  const needsCount = received === PAGE_SIZE && !childIssueSummary;
  const [counted, countedClosed] = needsCount
    ? await Promise.all([
        call.countIssues(filter),
        call.countIssues({ ...filter, statusId: [CLOSED] }),
      ])
    : [childIssueSummary?.total ?? 0, childIssueSummary?.closed ?? undefined];
  const total = Math.max(counted, received);
  const closed =
    total === received
      ? entries.filter(({ status }) => status.id === CLOSED).length
      : countedClosed;
  return {
    issues: entries,
    // A page that is not full holds all that the list will ever show.
    unlisted: received < PAGE_SIZE ? total - received : 0,
    total,
    ...(closed !== undefined && { closed }),
  };
}

function noteFocus(
  call: BacklogCall,
  { issue, focus }: { issue: Issue; focus: Focus },
  { comments }: Thread,
): void {
  const { issueKey: key, customFields } = issue;
  if (focus.on === "field") {
    if (customFields?.some(({ id }) => id === focus.id)) return;
    call.notes.add(`There is no custom field ${focus.id} in ${key}.`);
  }
  if (focus.on !== "comment") return;
  if (comments.some(({ id }) => id === focus.id)) return;
  const isAround = comments.length > 0 && focus.from === 0;
  const others = isAround ? "; those around its place are shown" : "";
  call.notes.add(`There is no comment ${focus.id} in ${key} now${others}.`);
}

/** Every day that may be written in the space's zone. */
function listDays(
  issue: Issue,
  rows: readonly IssueRow[],
  { comments }: Thread,
) {
  const changes = comments.flatMap(({ changeLog }) => changeLog ?? []);
  return [
    issue.startDate,
    issue.dueDate,
    ...(issue.customFields ?? []).map(toFieldDay),
    ...rows.map(({ dueDate }) => dueDate),
    ...changes.flatMap(listInstants),
  ];
}
