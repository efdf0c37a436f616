"""A client made with somebody else's SMPP library: sends texts to a centre, waits for receipts."""

import sys

import smpplib.client
import smpplib.consts
import smpplib.gsm

port, texts = int(sys.argv[1]), sys.argv[2:]
receipts, ids, sent = [], [], 0


def received(pdu):
    receipts.append((pdu.receipted_message_id or b"").decode())
    return smpplib.consts.SMPP_ESME_ROK


client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True, timeout=20)
client.set_message_sent_handler(lambda pdu: ids.append(pdu.message_id.decode()))
client.set_message_received_handler(received)
client.connect()
client.bind_transceiver(system_id="acme", password="pa55word")
for text in texts:
    parts, encoding, message_type = smpplib.gsm.make_parts(text)
    for part in parts:
        client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr="ACME",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr="8613711112222",
            short_message=part,
            data_coding=encoding,
            esm_class=message_type,
            registered_delivery=True,
        )
        sent += 1
while len(ids) < sent or len(receipts) < sent:
    client.read_once()
assert sorted(receipts) == sorted(ids), (receipts, ids)
client.unbind()
client.disconnect()
print("parts", len(ids))
