using System.Management.Automation;

namespace Lora.Commands;

/// <summary>PowerShell's category for each failure of the engine.</summary>
internal static class ErrorCategories
{
    public static ErrorCategory Of(LoraError error) => error switch
    {
        LoraError.PathNotFound or LoraError.NoSafetensors or LoraError.GitLfsPointer or LoraError.ConfigMissing or LoraError.ShardMissing
            or LoraError.TokenizerMissing or LoraError.MaskTokenMissing or LoraError.ChatTemplateMissing or LoraError.ChatTemplateUnknown or LoraError.TensorMissing or LoraError.TargetNotFound or LoraError.NoTargets
            or LoraError.ModelNotCached or LoraError.RevisionNotCached or LoraError.SnapshotIncomplete
            => ErrorCategory.ObjectNotFound,

        LoraError.PickleRefused or LoraError.ShardOutsideFolder => ErrorCategory.SecurityError,

        LoraError.SafetensorsTruncated or LoraError.NotSafetensors or LoraError.SafetensorsHeaderTooLarge or LoraError.SafetensorsHeaderInvalid or LoraError.GgufInvalid
            or LoraError.TensorDuplicate or LoraError.TensorDataTypeUnknown or LoraError.TensorOffsetsInvalid
            or LoraError.TensorShapeMismatch or LoraError.QuantizedWeightInvalid or LoraError.ShardIndexInvalid or LoraError.ConfigInvalid
            or LoraError.AdapterConfigInvalid or LoraError.AdapterWeightsInvalid or LoraError.TokenizerInvalid
            or LoraError.ChatTemplateInvalid or LoraError.ChatTemplateFailed or LoraError.ChatMessageInvalid
            or LoraError.DatasetEmpty or LoraError.LabelAlone or LoraError.ChoicesNotLearned or LoraError.DatasetForm or LoraError.RowInvalid or LoraError.ColumnMissing or LoraError.DatasetChanged or LoraError.NoSupervisedToken or LoraError.TokenOutOfRange
            => ErrorCategory.InvalidData,

        LoraError.ModelTypeUnknown or LoraError.ConfigUnsupported or LoraError.ArchitectureUnsupported or LoraError.TaskUnsupported or LoraError.GenerationUnsupported or LoraError.QuantizationUnsupported or LoraError.AdapterFeatureUnsupported or LoraError.TokenizerUnsupported
            => ErrorCategory.NotImplemented,

        LoraError.PatternInvalid or LoraError.ConfigValueInvalid or LoraError.ConfigConflict or LoraError.ModelNotKnown
            or LoraError.PathNotFileSystem or LoraError.OutputHasWildcard or LoraError.OutputRepeated or LoraError.PathAmbiguous or LoraError.RevisionAmbiguous or LoraError.SeveralModels
            or LoraError.CombinationRefused or LoraError.ComparisonRefused or LoraError.EditRefused or LoraError.ResumeRefused or LoraError.AdapterConflict or LoraError.VocabularyResized
            or LoraError.SweepValueInvalid or LoraError.SweepPointNotGiven or LoraError.SweepPointRepeated => ErrorCategory.InvalidArgument,

        LoraError.ConfigNotGiven or LoraError.AdapterNotGiven or LoraError.DatasetNotGiven or LoraError.PromptNotGiven => ErrorCategory.InvalidArgument,
        LoraError.HubModelNotFound or LoraError.HubRevisionNotFound or LoraError.HubFileNotFound or LoraError.HubWeightsMissing => ErrorCategory.ObjectNotFound,
        LoraError.HubNameInvalid or LoraError.HubSettingInvalid => ErrorCategory.InvalidArgument,
        LoraError.HubAccessDenied or LoraError.HubStorageRefused or LoraError.HubGated => ErrorCategory.PermissionDenied,
        LoraError.HubTooManyRequests => ErrorCategory.LimitsExceeded,
        LoraError.HubOffline or LoraError.HubUnreachable or LoraError.HubFailed => ErrorCategory.ConnectionError,
        LoraError.HubFileDamaged => ErrorCategory.InvalidData,
        LoraError.DiskRoomInsufficient => ErrorCategory.ResourceUnavailable,
        LoraError.TargetKindUnsupported or LoraError.NotAConfig or LoraError.NotAModule or LoraError.NotAnAdapter or LoraError.NotAModel or LoraError.NotAPrompt => ErrorCategory.InvalidType,
        LoraError.PatternTimeout => ErrorCategory.OperationTimeout,
        LoraError.FileUnreadable => ErrorCategory.ReadError,
        LoraError.OutputFailed or LoraError.TemporaryFileFailed => ErrorCategory.WriteError,
        LoraError.OutputExists or LoraError.RunUnfinished or LoraError.RunEnded or LoraError.SweepExists => ErrorCategory.ResourceExists,
        LoraError.PortableRefused or LoraError.FormatRefused or LoraError.GgufRefused or LoraError.OllamaRefused or LoraError.LossNotFinite or LoraError.LogitsNotFinite or LoraError.NothingLearned or LoraError.MergeRefused or LoraError.ExportDiffers => ErrorCategory.InvalidResult,
        LoraError.RuntimePackageInvalid => ErrorCategory.InvalidData,
        LoraError.RuntimePackageNotFound => ErrorCategory.ObjectNotFound,
        LoraError.RuntimeUnavailable => ErrorCategory.NotImplemented,
        LoraError.PackageSourceUnreachable => ErrorCategory.ConnectionError,
        LoraError.MemoryInsufficient or LoraError.OutOfMemory => ErrorCategory.ResourceUnavailable,
        LoraError.DeviceUnavailable => ErrorCategory.DeviceError,
        LoraError.Unexpected or LoraError.ChatNotInteractive => ErrorCategory.InvalidOperation,
        LoraError.RuntimeNotInstalled or LoraError.NativeLibraryNotFound or LoraError.VisualCppRuntimeMissing or LoraError.ModuleFileMissing => ErrorCategory.NotInstalled,
        // A test asks for the category of each failure, so that a new one is not forgotten.
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "The failure has no category."),
    };
}
