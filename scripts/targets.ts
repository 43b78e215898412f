import { existsSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };

/** Named as people know them; Bun calls each of them bun-<target>. */
export const TARGETS = [
  "darwin-arm64",
  "darwin-x64",
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "windows-x64",
  "windows-arm64",
] as const;
export type Target = (typeof TARGETS)[number];

/** Where Claude Desktop, the client that opens bundles, runs. */
export const BUNDLE_TARGETS: Target[] = [
  "darwin-arm64",
  "darwin-x64",
  "windows-x64",
];

/** The target this machine runs. */
export function hostTarget(): Target {
  const system = process.platform === "win32" ? "windows" : process.platform;
  // A machine may have musl's loader beside glibc's, hardly the reverse.
  const glibc = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
  const isMusl = system === "linux" && !glibc.some((path) => existsSync(path));
  const name = `${system}-${process.arch}${isMusl ? "-musl" : ""}`;
  const target = TARGETS.find((known) => known === name);
  if (!target) throw new Error(`Nothing is built for ${name}.`);
  return target;
}

/** Windows wants another ending and another archive. */
export function isWindows(target: Target): boolean {
  return target.startsWith("windows-");
}

/** One basename everywhere, since Bun embeds it. */
export function programName(target: Target): string {
  return isWindows(target) ? "backlog-mcp.exe" : "backlog-mcp";
}

/** Where the program for a target lies in a release folder. */
export function programPath(directory: string, target: Target): string {
  return join(directory, target, programName(target));
}

/** The archive's name, which the README and the formula build on. */
export function archiveName(target: Target): string {
  const ending = isWindows(target) ? "zip" : "tar.gz";
  return `backlog-mcp-${manifest.version}-${target}.${ending}`;
}

/** The bundle's name, which the registry's entry builds on. */
export function bundleName(target: Target): string {
  return `backlog-mcp-${manifest.version}-${target}.mcpb`;
}
