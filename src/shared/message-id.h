/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* MESSAGE_ID= of notable events in the journal. What an operator should know about each is in catalog/rce.catalog. */

#define MESSAGE_ID_JOB_CLAIMED "d79e14ed27f74d45a721108cfd8c7085"
#define MESSAGE_ID_JOB_FINISHED "fab10e1ce4c146cb82246d399b7b7655"
#define MESSAGE_ID_ATTEMPT_FAILED "7de93d58f2da444787e57a65096621f3"
#define MESSAGE_ID_JOB_RETURNED "4434676f213b4b028d7f83d0bbc5ea50"
#define MESSAGE_ID_RESULT_SUPERSEDED "2b115f547b7d4694a1147c6f0bf3a96e"
#define MESSAGE_ID_WORKER_DRAINED "efc068afd7ad40c2aade6effc325ad4e"
#define MESSAGE_ID_BACKEND_LOST "6fe5780c22d44ee2a5999207813a0cf9"
#define MESSAGE_ID_BACKEND_BACK "3ce6cbcc3d38449a80b346272dd508f6"
