/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client-address.h"

#include <sys/un.h>
#include <unistd.h>

#include "basic/string-util.h"

void client_address_done(ClientAddress *a)
{
        a->unix_path = mfree(a->unix_path);
        a->url = mfree(a->url);
}

static bool is_this_host(const char *host, size_t n)
{
        static const char *const names[] = { "localhost", "[::1]" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strlen(names[i]) == n && strncmp(host, names[i], n) == 0)
                        return true;
        return n > STRLEN("127.") && strncmp(host, "127.", STRLEN("127.")) == 0 && strspn(host, "0123456789.") == n;
}

/* A host, perhaps a port and a path; neither a name and password nor a query, which are nobody's business here. */
static bool is_authority(const char *s)
{
        for (const char *p = s; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f || strchr("@?#\\", *p))
                        return false;
        return strcspn(s, ":/") > 0;
}

static int parse_unix(const char *path, ClientAddress *ret)
{
        if (*path != '/' || strlen(path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path))
                return -EINVAL;
        ret->unix_path = strdup(path);
        ret->url = strdup("http://localhost");
        ret->is_private = true;
        return ret->unix_path && ret->url ? 0 : -ENOMEM;
}

static int parse_url(const char *url, ClientAddress *ret)
{
        const char *secure = startswith(url, "https://"), *authority = secure ? secure : startswith(url, "http://");
        size_t host;

        if (!authority || !is_authority(authority))
                return -EINVAL;
        host = *authority == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":/");
        ret->is_private = secure || is_this_host(authority, host);
        ret->url = strdup(url);
        if (!ret->url)
                return -ENOMEM;
        for (size_t n = strlen(ret->url); n > 0 && ret->url[n - 1] == '/'; n--)
                ret->url[n - 1] = '\0';
        return 0;
}

int client_address_parse(const char *text, ClientAddress *ret, Fault *reterr_fault)
{
        const char *path = startswith(text, "unix:");
        ClientAddress a = { 0 };

        int r = path ? parse_unix(path, &a) : parse_url(text, &a);
        if (r < 0)
                client_address_done(&a);
        if (r == -EINVAL)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "server",
                                 "A server is unix:/PATH, http://HOST:PORT or https://HOST, not '%s'", text);
        if (r < 0)
                return r;
        *ret = a;
        return 0;
}

int client_address_check(const ClientAddress *a)
{
        return a->unix_path && access(a->unix_path, R_OK | W_OK) < 0 ? -errno : 0;
}
