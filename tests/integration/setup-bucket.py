#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rce-setup and the bucket, when blobs are with an S3 server: with-minio setup-bucket.py RCE-SETUP. The other servers are
somewhere else here."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RCE_SETUP = sys.argv[1]
SECRET = os.environ['RCE_S3_SECRET_KEY']
BUCKETS = pathlib.Path(os.environ['RCE_MINIO_DIRECTORY'])


def minio(verb):
    subprocess.run([os.environ['RCE_MINIO'], verb], check=True)


class Bucket(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_setup(self, bucket, secret=SECRET, timeout='20s'):
        (self.directory / 'rce.conf').write_text(
            '[Database]\nConnection=host=db.invalid dbname=rce\n[Broker]\nHost=broker.invalid\n'
            f'[Blobs]\nPlace=s3+{os.environ["RCE_S3_ENDPOINT"]}/{bucket}\n')
        (self.directory / 's3-access-key').write_text(os.environ['RCE_S3_ACCESS_KEY'] + '\n')
        (self.directory / 's3-secret-key').write_text(secret + '\n')
        done = subprocess.run([RCE_SETUP, '--config', self.directory, '--timeout', timeout], text=True, timeout=120,
                              capture_output=True, check=False,
                              env={'PATH': '/usr/bin:/bin', 'CREDENTIALS_DIRECTORY': str(self.directory)})
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        self.assertIn('The database is on db.invalid', done.stderr)
        self.assertIn('The broker is on broker.invalid', done.stderr)
        return done

    def test_it_is_made_once(self):
        for _ in range(2):
            done = self.run_setup('jobs')
            self.assertEqual((done.returncode, done.stdout), (0, ''), done.stderr)
            self.assertIn('Blobs lie in the bucket', done.stderr)
            self.assertTrue((BUCKETS / 'jobs').is_dir())

    def test_a_wrong_key_is_said(self):
        done = self.run_setup('others', secret='nonsense', timeout='2s')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, 'Blobs are to lie in s3.*/others: .+')
        self.assertFalse((BUCKETS / 'others').exists())

    def test_a_server_that_is_away_is_said(self):
        minio('stop')
        try:
            done = self.run_setup('others', timeout='1s')
        finally:
            minio('start')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, 'Blobs are to lie in s3.*/others: .+')


unittest.main(argv=sys.argv[:1])
