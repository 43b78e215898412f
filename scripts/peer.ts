import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./build.ts";

/** Nulab's own server, in the version that the figures speak of. */
export const PEER = { name: "backlog-mcp-server", version: "0.20.4" } as const;

/** Installs it outside this repository, running no script; the file to start. */
export async function installPeer(): Promise<string> {
  const folder = join(tmpdir(), `backlog-mcp-bench-${PEER.version}`);
  const entry = join(folder, "node_modules", PEER.name, "build", "index.js");
  if (await Bun.file(entry).exists()) return entry;
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), '{ "private": true }');
  await run(
    [
      process.execPath,
      "add",
      "--exact",
      "--ignore-scripts",
      `${PEER.name}@${PEER.version}`,
    ],
    { cwd: folder },
  );
  return entry;
}

/** A certificate for 127.0.0.1 that is gone once the measuring is over. */
export type Certificate = AsyncDisposable & {
  tls: { key: string; cert: string };
  /** What a program needs in its environment to trust it. */
  env: { NODE_EXTRA_CA_CERTS: string };
};

/** The official server speaks https only. Needs openssl. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), "backlog-mcp-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  await run([
    ..."openssl req -x509 -newkey rsa:2048 -nodes -days 2".split(" "),
    ..."-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1".split(" "),
    ...["-keyout", key, "-out", cert],
  ]);
  return {
    tls: { key: await Bun.file(key).text(), cert: await Bun.file(cert).text() },
    env: { NODE_EXTRA_CA_CERTS: cert },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
