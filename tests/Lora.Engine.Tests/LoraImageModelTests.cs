using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests;

public sealed class LoraImageModelTests
{
    [Fact]
    public void Thirty_steps_of_a_program_s_own_loop_teach_it_images_and_the_saved_adapter_has_learned_them()
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        string model = Repository.Shared("families", "vit");
        GoldenTensors data = new(Path.Combine(model, "data.safetensors"));
        Tensor pixels = data["pixel_values"], labels = data["labels"];
        LoraConfig config = new() { Rank = 4, Alpha = 8, TargetModule = ["query", "value"], ModulesToSave = ["classifier"], TaskType = null };
        using LoraImageModel image = LoraImageModel.Load(model, "cpu", TrainingDataType.Float32);
        double before = Loss(image), after;
        using (AttachedLora lora = LoraModules.Attach(image.Module, config))
        {
            using Adam optimizer = optim.Adam(lora.Parameters, 1e-2);
            for (int step = 0; step < 30; step++)
            {
                optimizer.zero_grad();
                nn.functional.cross_entropy(image.Module.call(pixels), labels).backward();
                optimizer.step();
            }

            after = Loss(image);
            lora.Save(folder.File("adapter"));
            lora.Merge();
            Assert.Equal(after, Loss(image), 1e-5);
        }

        Assert.True(after < 0.3 * before, $"{before} became {after}");
        Assert.Equal(before, Loss(image), 1e-6);
        using AttachedLora loaded = LoraModules.Load(image.Module, Lora.Adapters.AdapterFolder.Load(folder.File("adapter")));
        Assert.Equal(after, Loss(image), 1e-5);

        double Loss(LoraImageModel of)
        {
            using IDisposable noGradient = no_grad();
            using DisposeScope inner = NewDisposeScope();
            return nn.functional.cross_entropy(of.Module.call(pixels), labels).ToDouble();
        }
    }
}
