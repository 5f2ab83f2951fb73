using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora;

/// <summary>
/// An image classifier (ViT) of a Hugging Face folder in a program of one's own. Images come as tensors; an adapter is put on by <see cref="LoraModules"/>
/// and trained by the program's own loop.
/// </summary>
public sealed class LoraImageModel : IDisposable
{
    private readonly TaskModel model;

    private LoraImageModel(TaskModel model) => this.model = model;

    /// <summary>The model as a module of TorchSharp: pixels [batch, channels, height, width], normalised as the model's images are, to logits [batch, labels].</summary>
    public nn.Module<Tensor, Tensor> Module => model;

    /// <summary>Loads a model. libtorch is found and loaded first, where the program has not used it before.</summary>
    /// <param name="folder">The folder with config.json and the safetensors files. A classifier that they lack is made new.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</param>
    /// <param name="dataType">What the weights are held and multiplied in.</param>
    /// <exception cref="LoraException">Everything in which the folder or the device cannot be used; OutOfMemory.</exception>
    public static LoraImageModel Load(string folder, string device = "auto", TrainingDataType dataType = TrainingDataType.Auto)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(device);
        VisionShape shape = Vit.Read(folder);
        TorchLibrary.Load();
        return TorchMemoryFailure.Named(() =>
        {
            Device place = TrainingDevice.Find(device);
            return new LoraImageModel(ModelLoader.Load(shape, folder, place, TrainingDevice.Type(dataType, place)));
        });
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}
