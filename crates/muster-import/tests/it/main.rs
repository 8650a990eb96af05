//! Whole files in, whole files out.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which the lint does not see.

mod bad_input;
mod columns;
mod correct;
mod excerpt;
mod formats;
mod formats_table;
mod fuzz;
mod fuzz_entry;
mod mangled;
mod mapping;
mod not_read;
mod other_systems;
mod people;
mod round_trip;
mod separators;
mod variants;
mod vertical;
mod workbook;

use muster_domain::field::Entity;
use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_import::{FileError, Limits, Row, Source};

const RINGOTEL: &[u8] = include_bytes!("../data/ringotel.csv");
const THREE_CX: &[u8] = include_bytes!("../data/3cx.csv");
const FUSIONPBX: &[u8] = include_bytes!("../data/fusionpbx.csv");
const FREEPBX: &[u8] = include_bytes!("../data/freepbx.csv");
const WAZO: &[u8] = include_bytes!("../data/wazo.csv");
const WEBEX: &[u8] = include_bytes!("../data/webex.csv");
const MIKOPBX: &[u8] = include_bytes!("../data/mikopbx.csv");
const IVOZPROVIDER: &[u8] = include_bytes!("../data/ivozprovider.csv");
const VERTICAL: &[u8] = include_bytes!("../data/vertical.csv");

/// A file of each system that has one person a line.
const UPRIGHT: [(&str, &[u8]); 8] = [
    ("ringotel", RINGOTEL),
    ("3cx", THREE_CX),
    ("fusionpbx", FUSIONPBX),
    ("freepbx", FREEPBX),
    ("wazo", WAZO),
    ("webex", WEBEX),
    ("mikopbx", MIKOPBX),
    ("ivozprovider", IVOZPROVIDER),
];
const FOREIGN: &[u8] = include_bytes!("../data/foreign.csv");
const PEOPLE: &str = include_str!("../data/people.json");

/// The headers that the systems' documentation gives.
const THREE_CX_HEADER: &str = "Number,FirstName,LastName,EmailAddress,MobileNumber,AuthID,AuthPassword,WebMeetingFriendlyName,WebMeetingPrivateRoom,ClickToCall,WebMeetingAcceptReject,EnableVoicemail,VMNoPin,VMPlayCallerID,PIN,VMPlayMsgDateTime,VMEmailOptions,QueueStatus,OutboundCallerID,SIPID,DeliverAudio,SupportReinvite,SupportReplaces,EnableSRTP,ManagementAccess,ReporterAccess,WallboardAccess,TurnOffMyPhone,HideFWrules,CanSeeRecordings,CanDeleteRecordings,RecordCalls,CallScreening,EmailMissedCalls,Disabled,DisableExternalCalls,AllowLanOnly,BlockRemoteTunnel,PinProtect,MAC_0,InterfaceIP_0,UseTunnel,DND,UseCTI,StartupScreen,HotelModuleAccess,DontShowExtInPHBK,DeskphoneWebPass,SrvcAccessPwd,VoipAdmin,SysAdmin,SecureSIP,PhoneModel14,PhoneTemplate14,CustomTemplate,PhoneSettings,AllowAllRecordings,PushExtension,Integration";
const FUSIONPBX_HEADER: &str = "extension_uuid,domain_uuid,extension,number_alias,password,accountcode,effective_caller_id_name,effective_caller_id_number,outbound_caller_id_name,outbound_caller_id_number,emergency_caller_id_name,emergency_caller_id_number,directory_first_name,directory_last_name,directory_visible,directory_exten_visible,limit_max,limit_destination,missed_call_app,missed_call_data,user_context,toll_allow,call_timeout,call_group,call_screen_enabled,user_record,hold_music,auth_acl,cidr,sip_force_contact,nibble_account,sip_force_expires,mwi_account,sip_bypass_media,unique_id,dial_string,dial_user,dial_domain,do_not_disturb,forward_all_destination,forward_all_enabled,forward_busy_destination,forward_busy_enabled,forward_no_answer_destination,forward_no_answer_enabled,follow_me_uuid,enabled,description,absolute_codec_string,forward_user_not_registered_destination,forward_user_not_registered_enabled";
const FREEPBX_HEADER: &str = "extension,password,name,voicemail,ringtimer,noanswer,recording,outboundcid,sipname,id,tech,dial,devicetype,user,description,emergency_cid,accountcode,allow,avpf,callerid,context,secret,sendrpid,sipdriver,transport,findmefollow_strategy,findmefollow_grptime,findmefollow_grplist,findmefollow_ringing,findmefollow_enabled,voicemail_enable,voicemail_vmpwd,voicemail_email,voicemail_pager,voicemail_options";
const FREEPBX_USERS_HEADER: &str = "username,password,default_extension,description,fname,lname,displayname";
const WAZO_HEADER: &str = "uuid,firstname,lastname,email,language,outgoing_caller_id,mobile_phone_number,call_permission_password,userfield,enabled,supervision_enabled,call_transfer_enabled,dtmf_hangup_enabled,call_record_outgoing_external_enabled,call_record_outgoing_internal_enabled,call_record_incoming_external_enabled,call_record_incoming_internal_enabled,online_call_record_enabled,ring_seconds,simultaneous_calls,subscription_type,context,voicemail_name,voicemail_number,voicemail_context,voicemail_password,voicemail_email,voicemail_attach_audio,voicemail_delete_messages,voicemail_ask_password,line_protocol,sip_username,sip_secret,exten,incall_exten,incall_context,incall_ring_seconds,call_permissions,username,password";
const WEBEX_HEADER: &str = "First Name,Last Name,Display Name,User ID/Email (Required),User Status,Last Service Accessed Time,Days since Last Service Accessed,Extension,Title,Department,Manager,Phone Number,Caller ID Number,Caller ID First Name,Caller ID Last Name,Location,Preferred Language,Time zone,Address type";
const MIKOPBX_HEADER: &str = "number,user_username,user_email,user_avatar,mobile_number,mobile_dialstring,sip_secret,sip_dtmfmode,sip_transport,sip_enableRecording,sip_networkfilterid,sip_manualattributes,fwd_forwarding,fwd_forwardingonbusy,fwd_forwardingonunavailable,fwd_ringlength";

fn open(bytes: &[u8]) -> Result<Source<'_>, FileError> {
    Source::open(bytes, None, &Limits::default())
}

fn rows(text: &str) -> Vec<Row> {
    open(text.as_bytes()).unwrap().rows().collect()
}

/// The one row of a file that has no errors in it.
fn good_row(text: &str) -> Row {
    let mut all = rows(text);
    assert_eq!(all.len(), 1, "{all:?}");
    let row = all.remove(0);
    assert_eq!((&row.errors[..], &row.errors_if_new[..]), (&[][..], &[][..]), "{text}");
    row
}

/// What is wrong with a file's rows, a line for each error.
fn errors(text: &str) -> String {
    let rows = rows(text);
    let of_row = |r: &Row| r.errors.iter().chain(&r.errors_if_new).map(|e| e.to_string()).collect::<Vec<_>>();
    let lines: Vec<String> = rows.iter().flat_map(of_row).collect();
    lines.join("\n")
}

fn blank_user() -> User {
    User::blank(OrgId(uuid::Uuid::nil()), uuid::Uuid::nil())
}
