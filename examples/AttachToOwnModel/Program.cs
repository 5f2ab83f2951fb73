using System.Globalization;
using Lora;
using Lora.Adapters;
using Lora.Examples.AttachToOwnModel;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

// LoRA on a model that the program built itself: dotnet run --project examples/AttachToOwnModel [-- folder]
string folder = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), "digit-adapter");
TorchLibrary.Load(); // before the first tensor

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
using DisposeScope scope = NewDisposeScope();
using Generator generator = new(1, CPU);
random.manual_seed(1);
using DigitReader model = new();
Tensor pictures = rand([64, 1, 8, 8], device: CPU, generator: generator);
Tensor digits = randint(0, 10, [64], dtype: ScalarType.Int64, device: CPU, generator: generator);

// A convolution and a linear layer get A and B, the last layer is trained whole. The model's own weights are left as they are.
LoraConfig config = new() { Rank = 4, Alpha = 8, TargetModule = ["edges", "hidden"], ModulesToSave = ["digit"], TaskType = null };
using (AttachedLora adapter = LoraModules.Attach(model, config, seed: 1))
{
    Console.WriteLine($"Training {adapter.Parameters.Sum(parameter => parameter.numel())} values in {string.Join(", ", adapter.Modules)}");
    Console.WriteLine($"Loss before: {Loss():F3}");
    adapter.IsTraining = true;
    using optim.Optimizer optimizer = optim.AdamW(adapter.Parameters, lr: 0.01);
    for (int step = 0; step < 100; step++)
    {
        using DisposeScope each = NewDisposeScope();
        optimizer.zero_grad();
        nn.functional.cross_entropy(model.call(pictures), digits).backward();
        optimizer.step();
    }

    adapter.IsTraining = false;
    Console.WriteLine($"Loss after:  {Loss():F3}");
    adapter.Save(folder, overwrite: true);
}

Console.WriteLine($"Taken off:   {Loss():F3}");
using (AttachedLora adapter = LoraModules.Load(model, AdapterFolder.Load(folder)))
{
    adapter.Merge();
    Console.WriteLine($"Merged:      {Loss():F3}");
}

double Loss()
{
    using DisposeScope each = NewDisposeScope();
    using IDisposable noGradient = no_grad();
    return nn.functional.cross_entropy(model.call(pictures), digits).ToDouble();
}
