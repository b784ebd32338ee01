// What is used of the AWS SDK for KMS. A file of its own, as it is built as a file of its own: whoever needs it loads
// it when a key is asked, never before.
export {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
