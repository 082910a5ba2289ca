// Made by hw/regs/generate.py from mtc_regs.json; do not edit.
//
// Register offsets, field positions and stream constants of the card.
package mtc_regs_pkg;
  localparam logic [12:0] RegId = 13'h0000;
  localparam logic [12:0] RegVersion = 13'h0004;
  localparam logic [12:0] RegCapsEntry = 13'h0008;
  localparam logic [12:0] RegCapsBatch = 13'h000c;
  localparam logic [12:0] RegCapsInput = 13'h0010;
  localparam logic [12:0] RegBuild = 13'h0014;
  localparam logic [12:0] RegCapsCore = 13'h0018;
  localparam logic [12:0] RegStatus = 13'h0020;
  localparam logic [12:0] RegInCredit = 13'h0024;
  localparam logic [12:0] RegOutAvail = 13'h0028;
  localparam logic [12:0] RegErrCause = 13'h002c;
  localparam logic [12:0] RegErrInfo = 13'h0030;
  localparam logic [12:0] RegCyclesLo = 13'h0040;
  localparam logic [12:0] RegCyclesHi = 13'h0044;
  localparam logic [12:0] RegLeafBlocksLo = 13'h0048;
  localparam logic [12:0] RegLeafBlocksHi = 13'h004c;
  localparam logic [12:0] RegNodeBlocksLo = 13'h0050;
  localparam logic [12:0] RegNodeBlocksHi = 13'h0054;
  localparam logic [12:0] RegEntriesLo = 13'h0058;
  localparam logic [12:0] RegEntriesHi = 13'h005c;
  localparam logic [12:0] RegLeafHashesLo = 13'h0060;
  localparam logic [12:0] RegLeafHashesHi = 13'h0064;
  localparam logic [12:0] RegNodeHashesLo = 13'h0068;
  localparam logic [12:0] RegNodeHashesHi = 13'h006c;
  localparam logic [12:0] RegSyncAck = 13'h0080;
  localparam logic [12:0] RegCmdResult = 13'h0084;
  localparam logic [12:0] RegCmdAck = 13'h0088;
  localparam logic [12:0] RegNoInputLo = 13'h0090;
  localparam logic [12:0] RegNoInputHi = 13'h0094;
  localparam logic [12:0] RegNoCreditLo = 13'h0098;
  localparam logic [12:0] RegNoCreditHi = 13'h009c;
  localparam logic [12:0] RegTailLo = 13'h00a0;
  localparam logic [12:0] RegTailHi = 13'h00a4;
  localparam logic [12:0] RegStallsLo = 13'h00a8;
  localparam logic [12:0] RegStallsHi = 13'h00ac;
  localparam logic [12:0] RegNonce = 13'h1000;
  localparam logic [12:0] RegCmd = 13'h1004;
  localparam logic [12:0] RegCmdSeq = 13'h1008;
  localparam int unsigned VersionMinorLsb = 0;
  localparam int unsigned VersionMajorLsb = 16;
  localparam int unsigned CapsCoreFoldLsb = 0;
  localparam int unsigned CapsCoreStagesLsb = 8;
  localparam int unsigned CapsCoreBatchesLsb = 16;
  localparam int unsigned CapsCoreLanesLsb = 24;
  localparam int unsigned StatusBusyLsb = 0;
  localparam int unsigned StatusDiscardingLsb = 1;
  localparam int unsigned StatusFailedLsb = 2;
  // Identification
  localparam logic [31:0] RegisterId = 32'h3143544d;
  localparam logic [31:0] InterfaceVersion = 32'h00010002;
  // Commands
  localparam logic [31:0] CmdResync = 32'h00000001;
  localparam logic [31:0] CmdSnapshot = 32'h00000002;
  // Stream
  localparam logic [31:0] StreamVersion = 32'h00000001;
  localparam logic [31:0] MagicSync = 32'h5343544d;
  localparam logic [31:0] MagicBatch = 32'h4243544d;
  localparam logic [31:0] MagicFrame = 32'h4643544d;
  localparam logic [31:0] FrameRecords = 32'h0000003f;
  localparam logic [31:0] FrameKindSync = 32'h00000001;
  localparam logic [31:0] FrameKindBatch = 32'h00000002;
  localparam logic [31:0] RecordPadding = 32'h00000000;
  localparam logic [31:0] RecordLeaf = 32'h00000001;
  localparam logic [31:0] RecordNode = 32'h00000002;
  // Error codes
  localparam logic [31:0] ErrNone = 32'h00000000;
  localparam logic [31:0] ErrMagic = 32'h00000001;
  localparam logic [31:0] ErrVersion = 32'h00000002;
  localparam logic [31:0] ErrNonce = 32'h00000003;
  localparam logic [31:0] ErrCount = 32'h00000004;
  localparam logic [31:0] ErrStart = 32'h00000005;
  localparam logic [31:0] ErrSeeds = 32'h00000006;
  localparam logic [31:0] ErrLength = 32'h00000007;
  // There is a register at the offset.
  function automatic logic is_register(logic [12:0] offset);
    case (offset)
      RegId,
      RegVersion,
      RegCapsEntry,
      RegCapsBatch,
      RegCapsInput,
      RegBuild,
      RegCapsCore,
      RegStatus,
      RegInCredit,
      RegOutAvail,
      RegErrCause,
      RegErrInfo,
      RegCyclesLo,
      RegCyclesHi,
      RegLeafBlocksLo,
      RegLeafBlocksHi,
      RegNodeBlocksLo,
      RegNodeBlocksHi,
      RegEntriesLo,
      RegEntriesHi,
      RegLeafHashesLo,
      RegLeafHashesHi,
      RegNodeHashesLo,
      RegNodeHashesHi,
      RegSyncAck,
      RegCmdResult,
      RegCmdAck,
      RegNoInputLo,
      RegNoInputHi,
      RegNoCreditLo,
      RegNoCreditHi,
      RegTailLo,
      RegTailHi,
      RegStallsLo,
      RegStallsHi,
      RegNonce,
      RegCmd,
      RegCmdSeq: is_register = 1'b1;
      default: is_register = 1'b0;
    endcase
  endfunction
  // It is the host's to write.
  function automatic logic is_host_owned(logic [12:0] offset);
    case (offset)
      RegNonce,
      RegCmd,
      RegCmdSeq: is_host_owned = 1'b1;
      default: is_host_owned = 1'b0;
    endcase
  endfunction
endpackage
