// A message centre made with somebody else's SMPP library. Says on stdout, a JSON document a line,
// where it listens and what it took; sends a receipt for each part that asks for one, with the id
// in decimal where answers have it in hexadecimal, and one message from a person.
const smpp = require('smpp');
const say = (word) => process.stdout.write(JSON.stringify(word) + '\n');
let next = 0xabc000;

function receipt(session, pdu, id) {
    session.deliver_sm({
        esm_class: 4,
        source_addr_ton: 1,
        source_addr_npi: 1,
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        short_message: `id:${String(id).padStart(10, '0')} sub:001 dlvrd:001 submit date:2601020304 ` +
            'done date:2601020305 stat:DELIVRD err:000 text:',
    }, (answer) => say({ receipt: answer.command_status }));
}

function bind(session, pdu) {
    if (pdu.system_id !== 'acme' || pdu.password !== 'pa55word') {
        session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
        session.close();
        return;
    }
    session.send(pdu.response({ system_id: 'centre' }));
    session.deliver_sm({
        source_addr: '8613711112233',
        destination_addr: '10690000',
        short_message: 'STOP',
    }, (answer) => say({ person: answer.command_status }));
}

const server = smpp.createServer((session) => {
    session.on('error', () => {});
    for (const name of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
        session.on(name, (pdu) => bind(session, pdu));
    }
    session.on('submit_sm', (pdu) => {
        const id = next++;
        session.send(pdu.response({ message_id: id.toString(16) }));
        const { udh, message } = pdu.short_message;
        say({
            to: pdu.destination_addr,
            ton: pdu.dest_addr_ton,
            from: pdu.source_addr,
            text: String(message),
            parts: udh ? udh.length : 0,
            esm_class: pdu.esm_class,
            data_coding: pdu.data_coding,
            registered_delivery: pdu.registered_delivery,
        });
        // 2 asks for failures alone.
        if (pdu.registered_delivery === 1) {
            setTimeout(() => receipt(session, pdu, id), 20);
        }
    });
    session.on('enquire_link', (pdu) => session.send(pdu.response()));
    session.on('unbind', (pdu) => {
        session.send(pdu.response());
        session.close();
    });
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
