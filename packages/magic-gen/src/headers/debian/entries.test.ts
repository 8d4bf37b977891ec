import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archivesFor, readDeb822, readOneLine, writeDeb822 } from './entries.js';

const debian = 'mirror:/debian';
const security = 'mirror:/debian-security';

describe('apt’s sources', () => {
  it('are read in one-line format', () => {
    const text = [
      `deb ${debian} bookworm main contrib # a comment`,
      `#deb ${debian} sid main`,
      `deb-src ${debian} bookworm main`,
      `deb [ arch=amd64 signed-by=/a.gpg,/b.gpg ] ${security} bookworm-security main`,
    ].join('\n');
    expect(readOneLine(text)).toEqual([
      { uri: debian, suites: ['bookworm'], signedBy: undefined, trusted: undefined },
      { uri: security, suites: ['bookworm-security'], signedBy: '/a.gpg /b.gpg', trusted: undefined },
    ]);
  });

  it('are read in deb822 format, with their keys', () => {
    const key = '\n -----BEGIN-----\n .\n abc\n -----END-----';
    const text = [
      '# A comment.',
      'Types: deb deb-src',
      `URIs: ${debian} ${security}`,
      'Suites: trixie trixie-updates',
      `Signed-By:${key}`,
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: mirror:/other',
      'Suites: trixie',
      '',
      'Types: deb-src',
      'URIs: mirror:/source',
      'Suites: trixie',
    ].join('\n');
    const shared = { suites: ['trixie', 'trixie-updates'], signedBy: key, trusted: undefined };
    expect(readDeb822(text)).toEqual([
      { uri: debian, ...shared },
      { uri: security, ...shared },
    ]);
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,9}$/), fc.option(fc.stringMatching(/^\/[a-z]{1,9}$/)), (suite, key) => {
        const entry = { uri: debian, suites: [suite], signedBy: key ?? undefined, trusted: undefined };
        expect(readDeb822(writeDeb822(entry, suite, ['amd64']))).toEqual([entry]);
      }),
    );
  });

  it('are a list for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(Array.isArray([...readOneLine(text), ...readDeb822(text)])).toBe(true);
      }),
    );
  });
});

describe('the archive of a suite', () => {
  const entry = (uri: string, ...suites: string[]) => ({ uri, suites, signedBy: undefined, trusted: undefined });
  const entries = [
    entry('mirror:/somebody', 'nodistro'),
    entry(debian, 'bookworm', 'bookworm-updates'),
    entry(`${debian}/`, 'bookworm-backports'),
    entry(security, 'bookworm-security'),
  ];
  const uris = (suite: string): string[] => archivesFor(suite, entries, 'bookworm').map(({ uri }) => uri);

  it('is the one with the running release, once', () => {
    expect(uris('trixie-backports')).toEqual([debian]);
    expect(uris('sid')).toEqual([debian]);
  });

  it('is the security archive for a security suite', () => {
    expect(uris('bullseye-security')).toEqual([security]);
  });

  it('is preferably one that has the suite itself', () => {
    expect(uris('nodistro')).toEqual(['mirror:/somebody', debian]);
    expect(uris('bookworm-backports')).toEqual([`${debian}/`]);
  });
});
