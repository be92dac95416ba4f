# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: Set up, change and retire a KMS host for Windows and Office
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Installs and activates KMS host keys for Windows and Office, and manages port, intervals, DNS publishing and the
    Windows firewall of the host. Reads the state, works out what differs, changes only that, and reads the state again.
  - A host key can be activated on 6 machines, 10 times each. So a key that is there already is not installed again,
    and a licence that is activated is not activated again.
  - The service C(sppsvc) is restarted when a setting needs it, once for all of them. The service of a host that is
    stopped is started.
  - With several keys, one that fails does not stop the others. The task fails at the end, with one sentence.
  - Before an activation is spent, the clock of the machine is compared with that of the controller. More than 4 hours
    are refused, and so is a Windows that can't be a KMS host.
  - As C(slmgr) does, the module keeps C(KeyManagementServiceVersion) in the registry as long as there is a KMS host
    key. The value is away while settings wait for the service to restart.
  - No key and no confirmation ID ever leaves the module, except the last five characters of a key.
  - An option that is left out, or an empty text, leaves what it is about as it is.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  state:
    description:
      - V(present) sets the host up.
      - V(absent) retires it. The KMS host keys of Office are removed by their IDs, and the client setup key of the
        edition takes the place of the KMS host key of Windows. The DNS record is no longer published, the firewall is
        closed, and the service restarted. With O(activate=if_needed) Windows is activated last, as a client of another
        host.
      - A host that publishes its own SRV record stops to refresh it. Remove what is left with M(volact.kms.srv_record).
    type: str
    choices: [present, absent]
    default: present
  product_keys:
    description:
      - The KMS host keys (CSVLK) of your agreement, for Windows and Office, in any order. Those that are not there
        already are installed. Keep them in a vault.
      - What a key is for shows only once it is installed. It is found again by its last five characters, among the
        licences that the machine itself says are of KMS hosts.
      - A published client setup key is refused. If another key turns out to be no host key, it is not activated, and
        the former client setup key is installed again, or the key removed.
      - Windows has one key. A new KMS host key of Windows takes the place of the former one, so two of them in this
        list are an error.
    type: list
    elements: str
    aliases: [product_key]
  license_files:
    description:
      - Licence files (C(.xrm-ms)) of an Office Volume License Pack, on the controller. Relative paths are looked for as
        those of any task, also in C(files/).
      - A file is installed when a key of O(product_keys) is to be installed, and the machine has no KMS host licence of
        the release that the file names. A content is installed once.
      - A file that is too large for one request is refused, which is 500 KB, and 150 KB for Windows 7 and Windows
        Server 2008 R2. Then run the installer of the licence pack on the machine itself.
    type: list
    elements: path
  activate:
    description:
      - V(if_needed) activates with Microsoft what is not activated. These are the licences of O(product_keys), or
        without that option all KMS host licences that the machine has.
      - V(never) is the same as leaving the option out.
    type: str
    choices: [if_needed, never]
  confirmation_id:
    description:
      - The 48 digits that the telephone service of Microsoft tells, with blanks or hyphens anywhere. Quote them.
      - It is deposited for the licence that is not activated, instead of an activation over the internet. The service
        asks for RV(host.products[].installation_id).
    type: str
  activation_id:
    description:
      - With O(confirmation_id), the licence that it is for. Needed only when several are not activated.
      - With O(state=absent), the one KMS host key of Office to remove. The others stay.
    type: str
  listening_port:
    description: TCP port on which clients are served. Windows listens on 1688 unless told otherwise.
    type: int
  activation_interval:
    description:
      - Minutes between the attempts of a client that is not activated, from 15 to 43200. Windows uses 120 unless told
        otherwise.
      - Windows takes it once a KMS host key is activated. Before that it is left, with a warning.
    type: int
  renewal_interval:
    description:
      - Minutes between the renewals of a client that is activated, from 15 to 43200. Windows uses 10080, which is 7
        days, unless told otherwise.
      - Windows takes it once a KMS host key is activated. Before that it is left, with a warning.
    type: int
  dns_publishing:
    description:
      - Whether the host publishes its own C(_vlmcs._tcp) record. Use either this or M(volact.kms.srv_record), not both.
    type: bool
  low_priority:
    description: Whether the KMS yields to other programs of the machine.
    type: bool
  publish_domains:
    description:
      - The DNS domains in which the host publishes its record, besides its own. An empty list clears the list.
      - Microsoft's pages disagree on whether the domain of the host is published too when there is a list. List it
        where it matters.
    type: list
    elements: dict
    suboptions:
      domain:
        description: The DNS domain.
        type: str
        required: true
      priority:
        description: Priority of the record in it.
        type: int
        default: 0
      weight:
        description: Weight of the record in it.
        type: int
        default: 0
  firewall:
    description:
      - The Windows firewall for the port of the host. Port 1688 has the built-in rules C(SPPSVC-In-TCP) and, on client
        editions, C(SPPSVC-In-TCP-NoScope). Another port gets a rule of its own, C(volact.kms.PORT).
      - Windows 7 and Windows Server 2008 R2 have no such rules over CIM. The error names the C(netsh) command to use
        there.
      - A local change that a Group Policy makes void is refused.
    type: dict
    suboptions:
      state:
        description: Whether clients are let in.
        type: str
        choices: [enabled, disabled]
        required: true
      profiles:
        description: On which networks.
        type: list
        elements: str
        choices: [domain, private, public]
      remote_addresses:
        description:
          - Who is let in, as addresses, prefixes, ranges, or words such as V(LocalSubnet) that Windows knows.
        type: list
        elements: str
      allow_public:
        description:
          - Whether any address may be let in from public networks, or public addresses from anywhere. Without this both
            are refused. A KMS host must not be reached from a network that you do not control.
        type: bool
        default: false
  serves:
    description:
      - What the host is meant to activate, for example V(Windows Server 2025), V(Windows 11), V(Office LTSC 2024).
      - Before an activation is spent, it is compared with what Microsoft says this Windows can host, and with the
        updates it needs for that. What can't be told is a warning.
    type: list
    elements: str
  kms_host:
    description:
      - With O(state=absent), name or address of the KMS host that activates Windows afterwards. Without it Windows asks
        as it did before, which usually is DNS.
    type: str
  kms_port:
    description: With O(state=absent), the port of that KMS host.
    type: int
notes:
  - Never let a KMS host be reached from a network that you do not control, such as the internet.
  - A failed task returns RV(host) too. Its RV(host.products) tell what is activated.
  - Whether the write paths of the firewall work over WS-Management is confirmed by documents only. An error names the
    C(netsh) command that does the same.
seealso:
  - module: volact.kms.host_info
  - module: volact.kms.srv_record
  - module: volact.kms.client
  - name: Create a KMS activation host
    description: What Microsoft says about setting one up.
    link: https://learn.microsoft.com/windows-server/get-started/kms-create-host
  - name: Configure a KMS host for Office
    description: What Microsoft says about host keys and licence packs of Office.
    link: https://learn.microsoft.com/office/volume-license-activation/configure-a-kms-host-computer-for-office
"""

EXAMPLES = r"""
- name: Install and activate a host key
  volact.kms.host:
    product_keys: ["{{ vault_kms_host_key }}"]
    activate: if_needed

- name: Set up a KMS host for Windows and Office whose DNS record is managed by a later task
  volact.kms.host:
    product_keys:
      - "{{ vault_kms_host_key }}"
      - "{{ vault_kms_host_key_office }}"
    activate: if_needed
    dns_publishing: false
    firewall:
      state: enabled
      profiles: [domain, private]

- name: Move the host to another port, and let clients renew once a month
  volact.kms.host:
    listening_port: 1689
    renewal_interval: 43200

- name: Install a host key without internet, and show what the telephone service asks for
  volact.kms.host:
    product_keys: ["{{ vault_kms_host_key }}"]
  register: waiting

- name: Activate it with what the telephone service told
  volact.kms.host:
    confirmation_id: "{{ vault_kms01_confirmation_id }}"

- name: Retire the host, whose Windows becomes a client
  volact.kms.host:
    state: absent
"""

RETURN = r"""
operations:
  description:
    - The operations that were carried out, in order, or that would be in check mode. A failed task lists those that
      were done before, and one more that may have been, if the connection was lost in its middle.
  returned: success
  type: list
  elements: str
  sample: [InstallProductKey, Activate]
outcome:
  description:
    - What became of the activation, of several the worst. V(licensed), V(failed), or with O(state=absent) also
      V(pending). Null when no activation was asked for. In check mode, what is expected.
  returned: success
  type: str
  sample: licensed
outcome_reason:
  description: Why the activation is pending or failed, or null.
  returned: success
  type: str
  sample: "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
pending:
  description: Whether Windows has to be asked again later, once the machine is a client of another KMS host.
  returned: success
  type: bool
  sample: false
host:
  description: State of the machine as a KMS host.
  returned: success
  type: dict
  sample:
    is_kms_host: true
    clock_skew_seconds: 0.4
  contains:
    is_kms_host:
      description: Whether the machine is a KMS host.
      returned: success
      type: bool
      sample: true
    products:
      description:
        - The KMS host keys that are installed, the one of Windows first, then those of Office.
        - What is null is absent, unless RV(host.products[].unknown) gives a reason.
      returned: success
      type: list
      elements: dict
      sample: [{channel: kms_host, partial_product_key: KHWHT, license_status_name: Licensed, current_count: 31}]
      contains:
        activation_id:
          description: Activation ID (SKU) of the licence. It changes with the channel of the key.
          returned: success
          type: str
          sample: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
        application_id:
          description: ID of the application that the licence belongs to. Office 2010 has one of its own.
          returned: success
          type: str
          sample: 55c92734-d682-4d71-983e-d6ec3f16059f
        application:
          description: V(windows) or V(office), or null for another application.
          returned: success
          type: str
          sample: windows
        family:
          description:
            - Which classes hold the licence. KMS host keys, also those of Office, are in V(spp).
          returned: success
          type: str
          sample: spp
        license_family:
          description: Name of the edition or suite, as Microsoft calls it in licences. Null where the machine has none.
          returned: success
          type: str
          sample: Enterprise
        name:
          description: Name of the licence, the same in every display language.
          returned: success
          type: str
          sample: "Windows(R), Enterprise edition"
        description:
          description: Description of the licence, which holds the channel. The same in every display language.
          returned: success
          type: str
          sample: "Windows(R) Operating System, VOLUME_KMSCLIENT channel"
        channel:
          description:
            - How the licence is activated, one of V(kms_client), V(kms_host), V(mak), V(oem), V(evaluation),
              V(subscription), V(avma), V(retail), V(unknown).
          returned: success
          type: str
          sample: kms_client
        partial_product_key:
          description: The last five characters of the installed key.
          returned: success
          type: str
          sample: 2YT43
        license_status:
          description: LicenseStatus as a number.
          returned: success
          type: int
          sample: 1
        license_status_name:
          description: LicenseStatus as Microsoft names it.
          returned: success
          type: str
          sample: Licensed
        license_status_reason:
          description: LicenseStatusReason as an unsigned number.
          returned: success
          type: int
          sample: 1074065472
        license_status_reason_code:
          description: The reason as Microsoft prints it.
          returned: success
          type: str
          sample: "0x4004F040"
        license_status_reason_name:
          description: The symbol of the reason, or null for an unknown one.
          returned: success
          type: str
          sample: SL_E_VL_INFO_PRODUCT_USER_RIGHT
        license_status_reason_meaning:
          description: What the reason means, or null where nothing is published.
          returned: success
          type: str
          sample: "activated; the product use rights apply"
        grace_minutes:
          description: Minutes until the activation, or the grace period, ends. 0 for a permanent activation.
          returned: success
          type: int
          sample: 259200
        grace_ends:
          description: When they end, in UTC and by the clock of the machine. Null for a permanent activation.
          returned: success
          type: str
          sample: "2027-05-21T10:00:00Z"
        activation_type:
          description:
            - The kind of volume activation that activated the licence. Null on Windows 7 and 2008 R2, which do not
              tell.
          returned: success
          type: int
          sample: 2
        activation_type_name:
          description: The same as a word.
          returned: success
          type: str
          sample: KMS
        activation_type_enabled:
          description: The kind of volume activation that is allowed. 0 is any.
          returned: success
          type: int
          sample: 0
        activation_type_enabled_name:
          description: The same as a word.
          returned: success
          type: str
          sample: Any
        kms_host:
          description: KMS host that is fixed for this licence alone, or null.
          returned: success
          type: str
          sample: kms01.corp.example.test
        kms_port:
          description: Port that is fixed for this licence alone, or null.
          returned: success
          type: int
          sample: 1688
        lookup_domain:
          description: The DNS domain in which KMS hosts are looked up for this licence alone, or null.
          returned: success
          type: str
          sample: corp.example.test
        discovered_kms_host:
          description: KMS host that was last found in DNS, or null.
          returned: success
          type: str
          sample: kms01.corp.example.test
        discovered_kms_port:
          description: Port that was last found in DNS, or null.
          returned: success
          type: int
          sample: 1688
        discovered_kms_address:
          description: Address of the KMS host that was last used. Null on Windows 7 and 2008 R2, which do not tell.
          returned: success
          type: str
          sample: "192.0.2.10"
        activation_interval_minutes:
          description: Minutes between attempts while not activated, as the KMS host told.
          returned: success
          type: int
          sample: 120
        renewal_interval_minutes:
          description: Minutes between renewals, as the KMS host told.
          returned: success
          type: int
          sample: 10080
        ad_activation_object_name:
          description: The object of Active Directory that activated the licence, or null.
          returned: success
          type: str
          sample: Volume Activation
        ad_activation_object_dn:
          description: Its distinguished name, or null.
          returned: success
          type: str
          sample: "CN=Volume Activation,CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,DC=corp"
        remaining_app_rearms:
          description: How often the grace period of the application can still be reset.
          returned: success
          type: int
          sample: 5
        remaining_sku_rearms:
          description: How often the grace period of the licence can still be reset.
          returned: success
          type: int
          sample: 1001
        unknown:
          description: Names of values here that are null because they could not be told, each with the reason.
          returned: success
          type: dict
          sample: {}
        current_count:
          description: How many machines this host key counts. 0 when none has asked yet.
          returned: success
          type: int
          sample: 31
        required_client_count:
          description:
            - The count from which the host activates, as the host itself says. It can't tell clients from servers;
              RV(host.products[].readiness) does.
          returned: success
          type: int
          sample: 5
        nobody_has_asked:
          description: Whether no client has asked this host key yet. The machine then says 0 or -1.
          returned: success
          type: bool
          sample: false
        readiness:
          description:
            - Whether machines are activated now, by class. A host key for Windows has V(windows_client), on a server
              also V(windows_server); one for Office has V(office).
          returned: success
          type: dict
          sample: {windows_client: {threshold: 25, current_count: 31, missing: 0, ready: true}}
          contains:
            windows_client:
              description: Clients of Windows.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
            windows_server:
              description: Servers.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
            office:
              description: Office, Project and Visio.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
        counters:
          description:
            - Requests since the service started, by the licence status of the client that asked. Null where the
              machine does not tell.
          returned: success
          type: dict
          sample: {total: 61, failed: 0}
          contains:
            total:
              description: All requests that were valid.
              returned: success
              type: int
              sample: 0
            failed:
              description: Requests that were not valid.
              returned: success
              type: int
              sample: 0
            unlicensed:
              description: From clients that were unlicensed.
              returned: success
              type: int
              sample: 0
            licensed:
              description: From clients that were licensed, which renewed.
              returned: success
              type: int
              sample: 0
            initial_grace:
              description: From clients in their first grace period.
              returned: success
              type: int
              sample: 0
            additional_grace:
              description: From clients in the grace period after an activation ran out or hardware changed.
              returned: success
              type: int
              sample: 0
            non_genuine_grace:
              description: From clients in the grace period of non-genuine Windows.
              returned: success
              type: int
              sample: 0
            notification:
              description: From clients in notification mode.
              returned: success
              type: int
              sample: 0
        installation_id:
          description: What the telephone service asks for. Null when the host key is activated.
          returned: success
          type: str
          sample: null
        outcome:
          description: V(licensed), or V(failed). Null when no activation of this licence was asked for.
          returned: success
          type: str
          sample: licensed
        outcome_reason:
          description: Why it is not V(licensed), or null.
          returned: success
          type: str
          sample: null
    readiness:
      description:
        - The readiness of the whole host by class. Of several host keys of Office it is that of the one that lacks
          most.
        - Null for a class that no installed key serves.
      returned: success
      type: dict
      sample: {windows_client: {threshold: 25, current_count: 31, missing: 0, ready: true}, office: null}
      contains:
        windows_client:
          description: Clients of Windows.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
        windows_server:
          description: Servers.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
        office:
          description: Office, Project and Visio.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
    service:
      description: Settings of the licensing service as a KMS host.
      returned: success
      type: dict
      sample: {state: Running, start_mode: Auto, listening_port: 1688, dns_publishing: true}
      contains:
        state:
          description:
            - State of the Windows service C(sppsvc). It stops by itself when it has nothing to do, which on a KMS
              host it has.
          returned: success
          type: str
          sample: Running
        start_mode:
          description: How Windows starts it.
          returned: success
          type: str
          sample: Auto
        listening_port:
          description: TCP port of the KMS host.
          returned: success
          type: int
          sample: 1688
        activation_interval_minutes:
          description:
            - How often clients that are not activated try, as the host tells them. Null where it was never set and
              the machine does not tell.
          returned: success
          type: int
          sample: 120
        renewal_interval_minutes:
          description: How often activated clients renew.
          returned: success
          type: int
          sample: 10080
        low_priority:
          description: Whether the KMS runs at low priority.
          returned: success
          type: bool
          sample: false
        dns_publishing:
          description: Whether the host publishes its own SRV record.
          returned: success
          type: bool
          sample: true
        publish_domains:
          description: The further DNS domains it publishes its record in.
          returned: success
          type: list
          elements: dict
          sample: [{domain: branch.example.test, priority: 0, weight: 0}]
          contains:
            domain:
              description: DNS domain.
              returned: success
              type: str
              sample: branch.example.test
            priority:
              description: Priority of the record.
              returned: success
              type: int
              sample: 0
            weight:
              description: Weight of the record.
              returned: success
              type: int
              sample: 0
        reachable:
          description:
            - Whether the port takes connections from the controller. It is looked at when O(firewall) opens it. Null in
              check mode, and where it was not looked at.
          returned: success
          type: bool
          sample: true
    firewall:
      description: The firewall, as far as it is about the KMS. Null unless O(firewall) or O(state=absent) manages it.
      returned: success
      type: dict
      sample: {supported: true, open_in: [domain, private], exposed: false}
      contains:
        supported:
          description:
            - Whether Windows has classes that manage its firewall over CIM. Windows 7 and Server 2008 R2 have none.
          returned: success
          type: bool
          sample: true
        open_in:
          description: On which kinds of network clients are let in, by local rules or by Group Policy.
          returned: success
          type: list
          elements: str
          sample: [domain, private]
        exposed:
          description:
            - Whether an enabled local rule lets any address in on public networks, or public addresses anywhere.
          returned: success
          type: bool
          sample: false
        rules:
          description: The local rules, both those built in and those of this collection for a port other than 1688.
          returned: success
          type: list
          elements: dict
          sample: [{name: SPPSVC-In-TCP, enabled: true, profiles: [domain, private], remote_addresses: [Any]}]
          contains:
            name:
              description: Name of the rule. One of this collection is C(volact.kms.) and a port.
              returned: success
              type: str
              sample: SPPSVC-In-TCP
            built_in:
              description: Whether the rule came with Windows.
              returned: success
              type: bool
              sample: true
            enabled:
              description: Whether the rule is in use.
              returned: success
              type: bool
              sample: true
            action:
              description: V(allow) or V(block).
              returned: success
              type: str
              sample: allow
            profiles:
              description: The kinds of network that it applies to, of V(domain), V(private) and V(public).
              returned: success
              type: list
              elements: str
              sample: [domain, private]
            remote_addresses:
              description:
                - Who is let in, in one spelling, for example C(192.0.2.0/24), V(LocalSubnet) or V(Any). Null where
                  the machine did not tell.
              returned: success
              type: list
              elements: str
              sample: [Any]
            port:
              description: TCP port that the rule is for.
              returned: success
              type: int
              sample: 1688
        policy:
          description: What Group Policy has to say about it.
          returned: success
          type: dict
          sample: {local_rules_ignored_in: [], everything_blocked_in: [], rules: []}
          contains:
            local_rules_ignored_in:
              description: Kinds of network on which a Group Policy makes local rules void.
              returned: success
              type: list
              elements: str
              sample: []
            everything_blocked_in:
              description: Kinds of network on which a Group Policy lets nothing in at all.
              returned: success
              type: list
              elements: str
              sample: []
            rules:
              description: Inbound rules of a Group Policy for TCP that are not for another program or service.
              returned: success
              type: list
              elements: dict
              sample: [{name: SPPSVC-In-TCP, enabled: true, action: allow, profiles: [domain]}]
              contains:
                name:
                  description: Name of the rule. One of this collection is C(volact.kms.) and a port.
                  returned: success
                  type: str
                  sample: SPPSVC-In-TCP
                enabled:
                  description: Whether the rule is in use.
                  returned: success
                  type: bool
                  sample: true
                action:
                  description: V(allow) or V(block).
                  returned: success
                  type: str
                  sample: allow
                profiles:
                  description: The kinds of network that it applies to, of V(domain), V(private) and V(public).
                  returned: success
                  type: list
                  elements: str
                  sample: [domain, private]
                remote_addresses:
                  description: Whom the rule is about.
                  returned: success
                  type: list
                  elements: str
                  sample: [Any]
                ports:
                  description: Ports and ranges of ports that it is for. Null for any.
                  returned: success
                  type: list
                  elements: str
                  sample: ["1688"]
            unread_rules:
              description: How many rules a Group Policy has beyond the first 100, which are read.
              returned: success
              type: int
              sample: 0
    clock_skew_seconds:
      description:
        - How far the clock of the machine is ahead of that of the controller, corrected for half the round trip. A
          host refuses clients whose time differs by more than 4 hours. Null where the machine did not tell its
          clock.
      returned: success
      type: float
      sample: 0.4
operating_system:
  description: The Windows that was read.
  returned: success
  type: dict
  sample:
    computer_name: WIN001
    version: "10.0.26100"
    build: 26100
    sku: 4
    edition: Enterprise
    product_type: 1
    language: 1033
    clock: "2026-11-22T10:00:00Z"
  contains:
    computer_name:
      description: Name of the machine.
      returned: success
      type: str
      sample: WIN001
    version:
      description: Version of Windows.
      returned: success
      type: str
      sample: "10.0.26100"
    build:
      description: Build number.
      returned: success
      type: int
      sample: 26100
    sku:
      description: OperatingSystemSKU, which tells the edition in every display language.
      returned: success
      type: int
      sample: 4
    edition:
      description: What the SKU number stands for.
      returned: success
      type: str
      sample: Enterprise
    product_type:
      description: 1 for a client, 2 for a domain controller, 3 for a server.
      returned: success
      type: int
      sample: 1
    language:
      description: LCID of the display language, for example 1031 for German.
      returned: success
      type: int
      sample: 1033
    clock:
      description: The clock of the machine, in UTC.
      returned: success
      type: str
      sample: "2026-11-22T10:00:00Z"
error:
  description: What went wrong, for conditions in playbooks.
  returned: failure or unreachable
  type: dict
  sample:
    kind: activation_failed
    code: "0xC004F074"
    name: SL_E_VL_BINDING_SERVICE_UNAVAILABLE
    operation: Activate
    hint: "read the 12288 events of the attempt in the Application log and treat the HRESULT there"
  contains:
    kind:
      description:
        - The kind of error, for example V(bad_input), V(activation_failed), V(below_threshold), V(unreachable).
      returned: failure or unreachable
      type: str
      sample: activation_failed
    code:
      description: HRESULT, or null.
      returned: failure or unreachable
      type: str
      sample: "0xC004F074"
    name:
      description: Symbol of the code, or null.
      returned: failure or unreachable
      type: str
      sample: SL_E_VL_BINDING_SERVICE_UNAVAILABLE
    operation:
      description: What was being done.
      returned: failure or unreachable
      type: str
      sample: Activate
    hint:
      description: What to look at next, or null.
      returned: failure or unreachable
      type: str
      sample: "read the 12288 events of the attempt in the Application log and treat the HRESULT there"
"""
