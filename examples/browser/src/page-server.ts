import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { extname, join, normalize } from 'node:path';
import { browserPass } from '@theseus/sdk';

export interface PageServerOptions {
  /** The built page. */
  readonly folder: string;
  /** Where browsers find Theseus. */
  readonly theseusUrl: string;
  /** A token of the role `sdk`. It stays here: pages get passes that it signs. */
  readonly theseusToken: string;
  readonly flag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Serves the page, and with `/config.json` what it needs to ask Theseus by itself. */
export function createPageServer(options: PageServerOptions): http.Server {
  return http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    if (pathname === '/config.json') {
      const pass = browserPass({ token: options.theseusToken });
      const config = { theseus: options.theseusUrl, pass, flag: options.flag };
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(config));
      return;
    }
    void sendFile(options.folder, pathname === '/' ? '/index.html' : pathname, response);
  });
}

async function sendFile(folder: string, path: string, response: http.ServerResponse): Promise<void> {
  const type = TYPES[extname(path)];
  // An absolute path loses every '..' that would lead out of it.
  const content = type === undefined ? null : await readFile(join(folder, normalize(path))).catch(() => null);
  if (content === null || type === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such page');
    return;
  }
  response.writeHead(200, { 'content-type': type }).end(content);
}
