/**
 * The lock of a directory. Node has no flock, so a holder is known by a Unix socket that it listens on, and
 * "does it live?" is asked of the kernel with connect(): right after kill -9, for a frozen process, and across
 * PID and network namespaces of one machine. (Not across machines that share a network file system.)
 *
 * | in `<directory>/lock/` | what | who removes it |
 * |---|---|---|
 * | `claim-<random>` | a socket that listens but is not published yet | its process; else the next holder |
 * | `<epoch>`        | a published socket: its process holds the lock, or is about to find out that it may not | its process; else the next holder |
 *
 * To take the lock:
 * 1. Connect to every published socket. One that answers belongs to a live holder: give up.
 * 2. Listen on a socket of one's own and publish it under the highest epoch + 1 with link(), which fails when
 *    somebody else was first: begin again. A socket listens before it is published, so a published one that
 *    refuses is dead for good.
 * 3. Connect to every other published socket again. If one answers, withdraw and begin again.
 * 4. Hold the lock, and remove the dead sockets.
 *
 * Why no two hold it: each publishes before it looks, so of two the later one sees the other in step 3. Why a
 * live socket is never removed: only holders remove sockets of others, and only dead ones.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, mkdtemp, readdir, realpath, rm, symlink, unlink } from "node:fs/promises";
import type { Server } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DirectoryLock } from "../files.ts";

/** The longest socket path that every Unix takes: 104 bytes on macOS and the BSDs, 108 on Linux, one for the end. */
const SOCKET_PATH_BYTES_MAX = 103;

/** How often a withdrawn claim is tried again before the others are left to it. */
const ATTEMPTS = 20;

/** Resolves to undefined when another live process, or another holder in this one, has the lock. */
export function lockDirectory(directory: string): Promise<DirectoryLock | undefined> {
  return process.platform === "win32" ? lockByPipe(directory) : lockBySocket(directory);
}

async function lockBySocket(directory: string): Promise<DirectoryLock | undefined> {
  const sockets = join(directory, "lock");
  await mkdir(sockets).catch(unless("EEXIST"));
  const door = await shortPathTo(sockets);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const epochs = await publishedEpochs(sockets);
      if (await anyLive(door.path, epochs)) return undefined;

      const epoch = Math.max(0, ...epochs) + 1;
      const server = await publish(sockets, door.path, epoch);
      if (server === undefined) continue;
      const others = (await publishedEpochs(sockets)).filter((other) => other !== epoch);
      if (!(await anyLive(door.path, others))) {
        await sweep(sockets, door.path, epoch);
        return heldLock(server, join(sockets, String(epoch)));
      }
      await withdraw(server, join(sockets, String(epoch)));
      // Two that saw each other must not go on in step.
      await new Promise((again) => setTimeout(again, 5 + (randomBytes(1)[0] as number) / 5));
    }
    return undefined;
  } finally {
    await door.close();
  }
}

async function publishedEpochs(sockets: string): Promise<number[]> {
  return (await readdir(sockets)).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function anyLive(door: string, epochs: readonly number[]): Promise<boolean> {
  for (const epoch of epochs) if (await answers(join(door, String(epoch)))) return true;
  return false;
}

/** The listening server; undefined when somebody else took the epoch first. */
async function publish(sockets: string, door: string, epoch: number): Promise<Server | undefined> {
  const claim = `claim-${randomBytes(8).toString("hex")}`;
  const server = await listen(join(door, claim)).catch((error: NodeJS.ErrnoException) => {
    throw Object.assign(
      new Error(
        `The lock of a data directory is a Unix socket, and ${sockets} takes none: ${error.message}`,
        {
          cause: error,
        },
      ),
      { code: error.code },
    );
  });
  try {
    await link(join(sockets, claim), join(sockets, String(epoch)));
  } catch (error) {
    await withdraw(server, join(sockets, claim));
    // ENOENT: a holder swept the claim away just before it listened.
    unless("EEXIST", "ENOENT")(error);
    return undefined;
  }
  await unlink(join(sockets, claim)).catch(unless("ENOENT"));
  return server;
}

function heldLock(server: Server, path: string): DirectoryLock {
  let released: Promise<void> | undefined;
  return { release: () => (released ??= withdraw(server, path)) };
}

/** The name goes first: once the socket is dead, the name may be somebody else's. */
async function withdraw(server: Server, path: string): Promise<void> {
  await unlink(path).catch(unless("ENOENT"));
  await new Promise((closed) => server.close(closed));
}

async function sweep(sockets: string, door: string, ownEpoch: number): Promise<void> {
  for (const name of await readdir(sockets)) {
    if (name === String(ownEpoch) || (await answers(join(door, name)))) continue;
    await unlink(join(sockets, name)).catch(unless("ENOENT"));
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((listening, failed) => {
    // Whoever connects only wants to know whether anybody is here.
    const server = createServer((socket) => socket.on("error", () => undefined).destroy());
    server.once("error", failed);
    // `exclusive`: a cluster worker would otherwise let its parent listen, which outlives it.
    server.listen({ path, exclusive: true }, () => {
      server.off("error", failed);
      // A failed accept changes nothing: the kernel has already answered.
      server.on("error", () => undefined);
      server.unref();
      listening(server);
    });
  });
}

/** Whether a live process listens on the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((answered, failed) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      answered(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") answered(false);
      // Its queue is full: somebody is there, and slow.
      else if (error.code === "EAGAIN" || error.code === "ECONNRESET") answered(true);
      else failed(error);
    });
  });
}

/** A path to `sockets` that leaves room for a socket's name: when the real one is too long, a link to it. */
async function shortPathTo(sockets: string): Promise<{ path: string; close: () => Promise<void> }> {
  const nameBytes = "/claim-0123456789abcdef".length;
  if (Buffer.byteLength(sockets) + nameBytes <= SOCKET_PATH_BYTES_MAX) {
    return { path: sockets, close: () => Promise.resolve() };
  }
  const temporary = await mkdtemp(join(tmpdir(), "millrace-"));
  const path = join(temporary, "d");
  await symlink(resolve(sockets), path);
  return { path, close: () => rm(temporary, { recursive: true, force: true }) };
}

/** Windows: a named pipe vanishes with its process, and only one process can make it. */
async function lockByPipe(directory: string): Promise<DirectoryLock | undefined> {
  const place = (await realpath(directory)).toLowerCase();
  const name = createHash("sha256").update(place).digest("hex");
  const server = await listen(`\\\\.\\pipe\\millrace-${name}`).catch(unless("EADDRINUSE", "EACCES"));
  if (server === undefined) return undefined;
  let released: Promise<void> | undefined;
  return { release: () => (released ??= new Promise((closed) => server.close(() => closed()))) };
}

function unless(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return undefined;
  };
}
