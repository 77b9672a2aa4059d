#!/bin/sh
# A new file for the container.
echo 'server { listen 8443; location / { return 200 "from a mounted script\n"; } }' >/etc/nginx/conf.d/mounted.conf
