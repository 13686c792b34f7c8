// A key and a self-signed certificate for the examples and tests, for localhost, server.example and 10.0.0.2. Never use them elsewhere:
// everybody has them. Used by the https, http2 and fetch examples; calls nothing.

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOibX7UOkDc55g8z8
lZf2ZfxVoy/c5DswUinbUZgJ6nqhRANCAATSuOhD/6tH5s6PInerlQU08KcXm1gj
O6Ai4VT0s8rYCt9lZ98UaBwye2UQJE4gCElx6IgODLS6VcGR1/bFowvx
-----END PRIVATE KEY-----
`;

export const cert = `-----BEGIN CERTIFICATE-----
MIIBvDCCAWKgAwIBAgIUIw8hGpw4QyUz2XUhNpDZTRdmLXYwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcmluZzMgZXhhbXBsZTAgFw0yNjExMjIyMDA5MjVaGA8yMTI2
MTAyOTIwMDkyNVowGDEWMBQGA1UEAwwNcmluZzMgZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABNK46EP/q0fmzo8id6uVBTTwpxebWCM7oCLhVPSzytgK
32Vn3xRoHDJ7ZRAkTiAISXHoiA4MtLpVwZHX9sWjC/GjgYcwgYQwDwYDVR0TAQH/
BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwQgYDVR0RBDswOYIJbG9jYWxob3N0gg5z
ZXJ2ZXIuZXhhbXBsZYcECgAAAocEfwAAAYcQ/QAAAAAAAAAAAAAAAAAAAjAdBgNV
HQ4EFgQUjey882gula8PkzsWVrRgSfI1wjYwCgYIKoZIzj0EAwIDSAAwRQIhAPz8
N7pRzFN2Z+gG1wxV55OthREdhsomKUx38w59o4u8AiBf+X0F+f6neyp+EQLsXFfS
md21r/Ucr0wi3PpresnLDA==
-----END CERTIFICATE-----
`;
