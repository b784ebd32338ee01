import { expect, test } from 'vitest';
import { isLoopback, urlOf } from '../../src/notify/http.ts';

const SECRET = 'T0KEN';

test.each([
  `https://hooks.example.com/services/${SECRET}`,
  `http://localhost:8080/${SECRET}`,
  `http://127.0.0.1/${SECRET}`,
  `http://[::1]:1/${SECRET}`,
  `http://hc.localhost/${SECRET}`,
])('%s is a URL to send to', (text) => {
  expect(urlOf(text, false).href).toBe(text);
});

test.each([
  [`http://hooks.example.com/${SECRET}`, 'its URL is not https, and `insecure: true` is not set'],
  [`http://127.0.0.1.example.com/${SECRET}`, 'its URL is not https, and `insecure: true` is not set'],
  [`http://localhost.example.com/${SECRET}`, 'its URL is not https, and `insecure: true` is not set'],
  [`https://user:${SECRET}@example.com/`, 'its URL holds a user or a password'],
  [`https://${SECRET}@example.com/`, 'its URL holds a user or a password'],
  [`file:///${SECRET}`, 'its URL is no https URL'],
  [`${SECRET}`, 'its URL is no https URL'],
])('%s is refused, and not quoted', (text, message) => {
  const refused = () => urlOf(text, false);
  expect(refused).toThrowError(expect.objectContaining({ code: 'not-sent', message, again: false }));
});

test('without TLS beyond this machine only where that is asked for', () => {
  expect(urlOf('http://ntfy/alerts', true).href).toBe('http://ntfy/alerts');
});

test.each([
  ['localhost', true],
  ['::1', true],
  ['[::1]', true],
  ['127.8.8.8', true],
  ['mail.localhost', true],
  ['127.0.0.1.example.com', false],
  ['notlocalhost', false],
  ['10.0.0.1', false],
])('%s is this machine: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
