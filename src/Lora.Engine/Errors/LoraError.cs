namespace Lora;

/// <summary>The causes of failure that the engine foresees. The ErrorId that users see is <c>Lora</c> followed by the name.</summary>
public enum LoraError
{
    // Checkpoints
    /// <summary>No file or folder is there.</summary>
    PathNotFound,

    /// <summary>A path with wildcards that names several files where one is wanted.</summary>
    PathAmbiguous,

    /// <summary>A model folder without safetensors files.</summary>
    NoSafetensors,

    /// <summary>A folder of several models, of which none is named.</summary>
    SeveralModels,

    /// <summary>The text that Git LFS leaves in place of a file that was not downloaded.</summary>
    GitLfsPointer,

    /// <summary>A pickle checkpoint, which can run code when it is read.</summary>
    PickleRefused,

    /// <summary>The file is shorter than its header says.</summary>
    SafetensorsTruncated,

    /// <summary>The header is over 100 MB.</summary>
    SafetensorsHeaderTooLarge,

    /// <summary>A text where a safetensors file is expected.</summary>
    NotSafetensors,

    /// <summary>The header is not the JSON object that the format asks for.</summary>
    SafetensorsHeaderInvalid,

    /// <summary>A GGUF file that is damaged or against the format.</summary>
    GgufInvalid,

    /// <summary>A tensor name occurs twice.</summary>
    TensorDuplicate,

    /// <summary>A dtype that the format does not have.</summary>
    TensorDataTypeUnknown,

    /// <summary>Tensor offsets overlap, leave the file or do not fit the shape.</summary>
    TensorOffsetsInvalid,

    /// <summary>A tensor that the model needs is not in the checkpoint.</summary>
    TensorMissing,

    /// <summary>A tensor's shape differs from what the configuration says.</summary>
    TensorShapeMismatch,

    /// <summary>A shard that the index, or the names of the other shards, promise is not in the folder.</summary>
    ShardMissing,

    /// <summary>A shard path that leaves the model's folder.</summary>
    ShardOutsideFolder,

    /// <summary>The shard index is not what the format asks for.</summary>
    ShardIndexInvalid,

    /// <summary>The system refused to read a file.</summary>
    FileUnreadable,

    /// <summary>A name as hubs have it, of which neither a path nor the cache has anything.</summary>
    ModelNotCached,

    /// <summary>A branch, a tag or a commit that the cache does not have of a model.</summary>
    RevisionNotCached,

    /// <summary>Several commits in the cache where one is meant.</summary>
    RevisionAmbiguous,

    /// <summary>A model in the cache whose download did not come to its end.</summary>
    SnapshotIncomplete,

    // Models
    /// <summary>A model folder without config.json.</summary>
    ConfigMissing,

    /// <summary>A config.json that is not usable.</summary>
    ConfigInvalid,

    /// <summary>A model_type that the engine cannot build.</summary>
    ModelTypeUnknown,

    /// <summary>A config.json that asks for what the engine does not have.</summary>
    ConfigUnsupported,

    /// <summary>A model of a class that is no language model, a classifier for example.</summary>
    ArchitectureUnsupported,

    /// <summary>A task that models of a type are not trained for.</summary>
    TaskUnsupported,

    /// <summary>Nothing to go on: no prompt was given.</summary>
    PromptNotGiven,

    /// <summary>An object that is no text and no row.</summary>
    NotAPrompt,

    /// <summary>A chat where nobody can type.</summary>
    ChatNotInteractive,

    /// <summary>A model, or an adapter, that says no text.</summary>
    GenerationUnsupported,

    /// <summary>Scores of the next token that are no numbers.</summary>
    LogitsNotFinite,

    /// <summary>Weights that are quantised in the files.</summary>
    QuantizationUnsupported,

    /// <summary>A quantised weight whose parts do not fit each other or the model.</summary>
    QuantizedWeightInvalid,

    /// <summary>A model is needed, and neither a parameter nor a configuration says which.</summary>
    ModelNotKnown,

    /// <summary>Something that is no model where one is meant.</summary>
    NotAModel,

    // Selection
    /// <summary>A regular expression or glob that cannot be used.</summary>
    PatternInvalid,
    /// <summary>A regular expression that takes too long.</summary>
    PatternTimeout,
    /// <summary>An entry that matches no module.</summary>
    TargetNotFound,
    /// <summary>Nothing is left to adapt.</summary>
    NoTargets,
    /// <summary>A target that LoRA cannot adapt.</summary>
    TargetKindUnsupported,

    // Adapters
    /// <summary>A value that the configuration cannot have.</summary>
    ConfigValueInvalid,
    /// <summary>Values that exclude each other.</summary>
    ConfigConflict,
    /// <summary>Nothing says what is to be adapted.</summary>
    ConfigNotGiven,
    /// <summary>Something that is no configuration where one is meant.</summary>
    NotAConfig,
    /// <summary>Something that is no module where one is meant.</summary>
    NotAModule,
    /// <summary>No adapter where one is needed.</summary>
    AdapterNotGiven,
    /// <summary>Something that is no adapter where one is meant.</summary>
    NotAnAdapter,
    /// <summary>An adapter_config.json that is not usable.</summary>
    AdapterConfigInvalid,
    /// <summary>A PEFT feature that the engine does not have.</summary>
    AdapterFeatureUnsupported,
    /// <summary>Adapter weights that do not fit their configuration or model.</summary>
    AdapterWeightsInvalid,
    /// <summary>An adapter of a model whose vocabulary was resized before it was trained.</summary>
    VocabularyResized,
    /// <summary>An adapter that cannot be added to the base's weights.</summary>
    MergeRefused,
    /// <summary>A model that llama.cpp does not compute.</summary>
    GgufRefused,
    /// <summary>A model that Ollama makes no conversation of.</summary>
    OllamaRefused,
    /// <summary>A merged model that does not compute what its base computes with the adapter.</summary>
    ExportDiffers,
    /// <summary>An adapter that has no portable form.</summary>
    PortableRefused,
    /// <summary>Adapters that cannot be on one model together.</summary>
    AdapterConflict,
    /// <summary>Adapters that cannot be combined.</summary>
    CombinationRefused,
    /// <summary>Adapters whose changes cannot be compared.</summary>
    ComparisonRefused,
    /// <summary>An adapter that has no form in the format asked for.</summary>
    FormatRefused,
    /// <summary>An adapter that cannot be changed as asked.</summary>
    EditRefused,
    /// <summary>The destination holds an adapter already.</summary>
    OutputExists,
    /// <summary>Writing failed.</summary>
    OutputFailed,
    /// <summary>Two adapters of one pipeline would go to the same folder.</summary>
    OutputRepeated,
    /// <summary>The destination holds the state of a run that has not ended.</summary>
    RunUnfinished,
    /// <summary>A run that is to be gone on with has ended: its adapter is there and no state.</summary>
    RunEnded,
    /// <summary>A run's state does not belong to the run that is asked for.</summary>
    ResumeRefused,
    /// <summary>A run that cannot stay within the memory limit.</summary>
    MemoryInsufficient,
    /// <summary>torch found no memory for a tensor.</summary>
    OutOfMemory,

    // Text
    /// <summary>A model folder without a tokenizer.</summary>
    TokenizerMissing,
    /// <summary>A tokenizer's file that is not usable.</summary>
    TokenizerInvalid,
    /// <summary>A part of a tokenizer that the reader does not have.</summary>
    TokenizerUnsupported,
    /// <summary>A tokenizer without the token that masked language modelling hides others by.</summary>
    MaskTokenMissing,
    /// <summary>A model folder without a chat template.</summary>
    ChatTemplateMissing,
    /// <summary>A chat template that is named and is neither a file nor a well-known one.</summary>
    ChatTemplateUnknown,
    /// <summary>A chat template that is not Jinja, or nests too deep.</summary>
    ChatTemplateInvalid,
    /// <summary>A chat template that refuses a conversation, fails at it, or takes more than it may.</summary>
    ChatTemplateFailed,
    /// <summary>A turn, a list of tools or a variable that no chat template can take.</summary>
    ChatMessageInvalid,

    // Data
    /// <summary>No rows to learn from or to measure on.</summary>
    DatasetNotGiven,
    /// <summary>A dataset without rows.</summary>
    DatasetEmpty,
    /// <summary>Rows of a classification that all have the same label.</summary>
    LabelAlone,
    /// <summary>Questions with choices where rows are learned from.</summary>
    ChoicesNotLearned,
    /// <summary>A file of a form that is not read, or damaged, or a folder with several forms.</summary>
    DatasetForm,
    /// <summary>A row that is not JSON or has no text, or that the chat template refuses.</summary>
    RowInvalid,
    /// <summary>A file of a dataset that is another than when it was first read.</summary>
    DatasetChanged,
    /// <summary>Rows that the temporary folder does not take, or no longer gives.</summary>
    TemporaryFileFailed,
    /// <summary>A column that is said to be read and that no row has.</summary>
    ColumnMissing,
    /// <summary>A row or a dataset without a token to learn from.</summary>
    NoSupervisedToken,
    /// <summary>A token id that the model's vocabulary lacks.</summary>
    TokenOutOfRange,

    // Training
    /// <summary>The loss or the gradient was NaN or infinite in several steps in a row.</summary>
    LossNotFinite,

    /// <summary>The first updates of a run moved no value at all.</summary>
    NothingLearned,

    /// <summary>A name or a value in a point of a sweep, or in its grid, that cannot be.</summary>
    SweepValueInvalid,

    /// <summary>A sweep without points.</summary>
    SweepPointNotGiven,

    /// <summary>Two points of a sweep that are the same.</summary>
    SweepPointRepeated,

    /// <summary>A folder that has a sweep already.</summary>
    SweepExists,

    /// <summary>A device that this machine or build lacks.</summary>
    DeviceUnavailable,

    /// <summary>libtorch is nowhere on this machine where it is looked for.</summary>
    RuntimeNotInstalled,

    /// <summary>There is no libtorch for a backend and a platform.</summary>
    RuntimeUnavailable,

    /// <summary>A source of packages does not have one.</summary>
    RuntimePackageNotFound,

    /// <summary>A package is not the one that the module was built with, or damaged.</summary>
    RuntimePackageInvalid,

    /// <summary>A source of packages is not there or does not answer.</summary>
    PackageSourceUnreachable,

    /// <summary>libtorch cannot be loaded.</summary>
    NativeLibraryNotFound,

    /// <summary>libtorch cannot be loaded on Windows, because what it is linked against is not installed.</summary>
    VisualCppRuntimeMissing,

    // The hub
    /// <summary>A text that can be neither a model's name on a hub nor a revision.</summary>
    HubNameInvalid,

    /// <summary>A token, or a variable of the environment, that cannot be used.</summary>
    HubSettingInvalid,

    /// <summary>Something that only a hub has, while nothing may go out.</summary>
    HubOffline,

    /// <summary>A connection to a hub that did not come about, was cut or fell silent.</summary>
    HubUnreachable,

    /// <summary>A model that a hub does not have, or does not show.</summary>
    HubModelNotFound,

    /// <summary>A revision that a model on a hub does not have.</summary>
    HubRevisionNotFound,

    /// <summary>A file that a model on a hub does not have.</summary>
    HubFileNotFound,

    /// <summary>A token that is missing, unknown or without the right for what was asked.</summary>
    HubAccessDenied,

    /// <summary>The host of a hub's large files that refused an address which the hub had signed.</summary>
    HubStorageRefused,

    /// <summary>A model that its owner gives to those alone who have asked for it.</summary>
    HubGated,

    /// <summary>A hub that takes no more requests for a while.</summary>
    HubTooManyRequests,

    /// <summary>An answer of a hub that means a fault there.</summary>
    HubFailed,

    /// <summary>A file that came otherwise than the hub says it is.</summary>
    HubFileDamaged,

    /// <summary>A model on a hub without the files that are read here.</summary>
    HubWeightsMissing,

    /// <summary>A disk with less room than what is to be written to it.</summary>
    DiskRoomInsufficient,

    // The module
    /// <summary>A failure that nobody foresaw: a fault of ours.</summary>
    Unexpected,

    /// <summary>A file that belongs to the module is not there.</summary>
    ModuleFileMissing,

    /// <summary>A path of the shell that does not lead to the file system.</summary>
    PathNotFileSystem,

    /// <summary>An output path with wildcard characters.</summary>
    OutputHasWildcard,
}
