const headers = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' }, // both for threads
];

export default {
  serverExternalPackages: ['densessm'], // on the server it is Node's own import
  headers: async () => [{ source: '/:path*', headers }],
};
