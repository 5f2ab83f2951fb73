namespace Lora.Training;

/// <summary>What decides whether a loaded model and its datasets serve another run.</summary>
internal sealed record ModelSource(
    string Folder, TrainingData Data, int MaxLength, string Device, TrainingDataType DataType, LoraQuantization Quantization)
{
    /// <summary>What a run with these options reads.</summary>
    public ModelSource(string folder, TrainingData data, TrainingOptions options)
        : this(folder, data, options.MaxLength, options.Device, options.DataType, options.Quantization)
    {
    }
}
